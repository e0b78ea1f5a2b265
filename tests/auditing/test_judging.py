"""Changes of figures that noise makes larger: what is allowed for, and that a real change is still found."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import compare, load_predictions
from adfair.auditing.gap_rows import gap_rows
from adfair.auditing.judging import ece_noise, gap_noise, judge_biased, percentiles
from adfair.auditing.measure import Measured, measure
from adfair.auditing.settings import Settings

Maker = Callable[..., pd.DataFrame]
SETTINGS = Settings(replicates=400, permutations=99, threads=1)


def _measured(frame: pd.DataFrame) -> Measured:
    predictions = load_predictions(frame, attributes=["race"])
    return measure(predictions, np.full(len(predictions.findings), 0.5), SETTINGS)


def test_what_either_centre_allows_is_allowed() -> None:
    drawn = np.random.default_rng(0).normal(0, 1, 2000)
    change = np.concatenate([[3.0], 5.0 + drawn])[:, None]  # resampling moved a change of 3 to 5
    low, high, p = judge_biased(change, np.array([2.0]), SETTINGS)
    centred = drawn - drawn.mean()
    assert low[0] == pytest.approx(np.quantile(1.0 + centred, 0.025))
    assert high[0] == pytest.approx(np.quantile(3.0 + centred, 0.975))
    assert p[0] == percentiles((1.0 + centred)[:, None], SETTINGS)[2][0] > 0.1
    # Without noise to be allowed for it is an interval around the change itself.
    assert judge_biased(change, np.array([np.nan]), SETTINGS)[2][0] < 0.01


def test_percentiles_without_enough_replicates_have_no_p() -> None:
    low, high, p = percentiles(np.array([[1.0, 1.0], [np.nan, 2.0], [np.nan, 3.0]]), SETTINGS)
    assert np.isnan([low[0], high[0], p[0]]).all()
    assert np.isfinite([low[1], high[1], p[1]]).all()


def test_noise_of_a_gap_is_its_chance_level_less_what_a_quiet_gap_is(table: Maker) -> None:
    measured = _measured(table(300))
    noise = gap_noise(measured)
    chance = {(r["metric"], r["finding"]): r["expected_by_chance"] for r in gap_rows(measured)}
    names = [*measured.predictions.findings, "mean"]
    auc = measured.observed[:, 0, 0]
    overall = [*auc, auc.mean()]
    for k, name in enumerate(names):
        assert noise["auc_gap", "race"][k] == chance["auc_gap", name] > 0
        for metric in ("worst_group_auc", "es_auc"):
            assert noise[metric, "race"][k] == pytest.approx(chance[metric, name] - overall[k])
            assert noise[metric, "race"][k] < 0
        ratio = noise["equalized_odds_ratio", "race"][k]
        assert ratio == pytest.approx(chance["equalized_odds_ratio", name] - 1)


def test_noise_of_a_calibration_error_is_that_of_calibrated_scores(table: Maker) -> None:
    frame = table(300, findings=1)
    levels = ece_noise(_measured(frame))
    rng, simulated = np.random.default_rng(0), []
    for _ in range(200):
        drawn = _measured(frame.assign(label=(rng.random(len(frame)) < frame["score"]).astype(int)))
        simulated.append(drawn.observed[0, :, 3])
    np.testing.assert_allclose(levels[0], np.mean(simulated, axis=0), rtol=0.1)
    np.testing.assert_array_equal(levels[0], levels[1])


def _two_models(seed: int, distances: tuple[float, float], harm: float = 0.0) -> pd.DataFrame:
    """Five groups of 80; the second model scores the positives of one of them lower by ``harm``."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 400)
    frame = pd.DataFrame({"image_id": np.arange(400), "label": y, "race": np.repeat(list("ABCDE"), 80)})
    a, b = (rng.normal(size=400) + distance * y for distance in distances)
    b = b - harm * y * (frame["race"] == "A")
    models = {"a": frame.assign(score=a), "b": frame.assign(score=b)}
    options = {"replicates": 200, "permutations": 99, "threads": 1, "threshold": 0.5}
    return compare(models, attributes=["race"], **options).table.set_index(["metric", "attribute", "finding"])


def test_a_worse_model_has_no_wider_gap_for_that() -> None:
    found = [_two_models(seed, (2.5, 0.5)) for seed in range(20)]
    p = np.array([t.loc[("auc_gap", "race", "label"), "p_value"] for t in found])
    widened = np.mean([t.loc[("auc_gap", "race", "label"), "difference"] for t in found])
    assert widened > 0.08  # by noise alone
    assert (p <= 0.05).sum() <= 4  # two thirds of them without allowance for it
    worst = np.array([t.loc[("worst_group_auc", "race", "label"), "ci_high"] for t in found])
    assert (worst < 0).all()  # that the worst group lost is no noise


def test_a_gap_that_opened_is_found() -> None:
    table = _two_models(0, (2.0, 2.0), harm=2.0)
    row = table.loc[("auc_gap", "race", "label")]
    assert row["ci_low"] > 0
    assert row["p_value"] < 0.05
