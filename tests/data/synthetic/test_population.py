import numpy as np
import pytest

from adfair.data.synthetic.population import balanced, finding_probability, five_by, natural
from adfair.data.synthetic.presets import PRESETS, RACE_TIES, SEX_TIES, Preset

N = 40_000


def rates(people, codes: np.ndarray) -> np.ndarray:
    return np.array([people.present[codes == k].mean(axis=0) for k in np.unique(codes)])


def test_the_formula_of_the_ties() -> None:
    race, sex = np.array([0, 2]), np.array([0, 1])
    chance = finding_probability(race, sex, rho=1.5, rho_sex=1.0)
    logit = np.log(0.25 / 0.75) + 1.5 * RACE_TIES[0, 0] + 1.0 * SEX_TIES[0, 0]
    assert chance.shape == (2, 5)
    assert chance[0, 0] == pytest.approx(1 / (1 + np.exp(-logit)))
    assert np.allclose(finding_probability(race, sex, rho=0, rho_sex=0), 0.25)


def test_natural_splits_follow_mix_and_ties() -> None:
    people = natural(np.random.default_rng(0), PRESETS["default"], N)
    assert np.allclose(np.bincount(people.race) / N, PRESETS["default"].mix, atol=0.01)
    expected = finding_probability(people.race, people.sex, rho=1.5, rho_sex=1.0)
    for k in range(3):
        assert np.allclose(
            people.present[people.race == k].mean(0), expected[people.race == k].mean(0), atol=0.02
        )
    assert np.ptp(rates(people, people.race), axis=0).min() > 0.2


def test_patients_keep_their_race_sex_age_and_acquisition() -> None:
    people = natural(np.random.default_rng(1), PRESETS["default"], 1000)
    twice = [np.flatnonzero(people.patient == p) for p in range(50) if (people.patient == p).sum() == 2]
    assert len(twice) > 5
    for a, b in twice:
        assert people.race[a] == people.race[b]
        assert people.age[a] == people.age[b]
        assert (people.acquisition[a] == people.acquisition[b]).all()


def test_balanced_cells_are_equal_and_findings_independent() -> None:
    people = balanced(np.random.default_rng(2), PRESETS["default"], 3600)
    cells = people.race * 2 + people.sex
    assert np.bincount(cells).tolist() == [600] * 6
    assert len(np.unique(people.patient)) == 3600
    assert np.ptp(rates(people, people.race), axis=0).max() < 0.08  # 4 standard errors of .25 at 1,200


def test_reversed_ties_point_the_other_way() -> None:
    people = balanced(np.random.default_rng(3), PRESETS["default"], N, rho=-1.5, rho_sex=-1.0)
    assert (
        np.sign(rates(people, people.race).T - 0.25)[RACE_TIES != 0] == -np.sign(RACE_TIES[RACE_TIES != 0])
    ).all()


def test_five_by_ninety_is_exact() -> None:
    people = five_by(np.random.default_rng(4), PRESETS["default"], 15)
    assert len(people) == 450
    assert (people.present.sum(1) == 1).all()
    finding = people.present.argmax(1)
    assert (np.bincount(finding * 6 + people.race * 2 + people.sex) == 15).all()


def test_races_overlap_in_acquisition_but_differ() -> None:
    people = balanced(np.random.default_rng(5), PRESETS["default"], N)
    means = np.array([people.acquisition[people.race == k].mean(0) for k in range(3)])
    assert np.allclose(np.linalg.norm(means, axis=1), 1.0, atol=0.02)
    assert people.acquisition[people.race == 0].std(0) == pytest.approx([0.35, 0.35], abs=0.01)


@pytest.mark.parametrize("name", PRESETS)
def test_ceiling_keeps_the_population_and_drops_the_bias(name: str) -> None:
    preset, ceiling = PRESETS[name], PRESETS[name].ceiling()
    assert (ceiling.mix, ceiling.race_sd, ceiling.extra_noise) == (
        preset.mix,
        preset.race_sd,
        preset.extra_noise,
    )
    assert (ceiling.rho, ceiling.rho_sex, ceiling.under_reporting) == (0, 0, 0)


def test_none_has_no_mechanism_at_all() -> None:
    none = PRESETS["none"]
    assert none == Preset(summary=none.summary, mix=(1 / 3, 1 / 3, 1 / 3))
    assert (none.rho, none.rho_sex, none.under_reporting, none.extra_noise) == (0, 0, 0, 0)
    assert len(set(none.race_sd)) == 1
