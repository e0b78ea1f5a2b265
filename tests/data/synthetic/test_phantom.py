from dataclasses import replace

import numpy as np
import pytest

from adfair.data.synthetic.phantom import SIZE, draw
from adfair.data.synthetic.population import People, balanced
from adfair.data.synthetic.presets import FINDINGS, PRESETS

N = 300


@pytest.fixture(scope="module")
def healthy() -> People:
    people = balanced(np.random.default_rng(0), PRESETS["default"], N)
    return replace(people, present=np.zeros_like(people.present), severity=np.ones_like(people.severity))


def film(people: People, *, noise: float = 0.0) -> np.ndarray:
    return draw(np.random.default_rng(1), people, np.full(len(people), noise)).astype(float)


def region(images: np.ndarray, rows: tuple[float, float], columns: tuple[float, float]) -> float:
    r, c = (np.array(rows) + 1) / 2 * SIZE, (np.array(columns) + 1) / 2 * SIZE
    return float(images[:, int(r[0]) : int(r[1]), int(c[0]) : int(c[1])].mean())


def test_it_is_laid_out_like_a_chest_film(healthy: People) -> None:
    images = film(healthy)
    spine, right_lung, left_lung = (
        region(images, (-0.5, -0.1), c) for c in ((-0.06, 0.06), (-0.5, -0.3), (0.3, 0.5))
    )
    heart, belly = region(images, (0.15, 0.35), (0.05, 0.25)), region(images, (0.85, 1), (-0.5, 0.5))
    air = region(images, (-1, -0.9), (0.8, 1.0))
    assert air < 60 < right_lung < 130
    assert air < left_lung < 130
    assert min(spine, heart, belly) > 140


@pytest.mark.parametrize("f", range(5), ids=FINDINGS)
def test_each_finding_shows_more_the_more_severe_it_is(healthy: People, f: int) -> None:
    shown = healthy.present.copy()
    shown[:, f] = True
    base, change = film(healthy), []
    for severity in (0.45, 1.3):
        sick = replace(healthy, present=shown, severity=np.full_like(healthy.severity, severity))
        change.append(np.abs(film(sick).mean(0) - base.mean(0)).max())
    assert 1.0 < change[0] < change[1]


def test_one_sided_findings_are_on_their_side(healthy: People) -> None:
    shown = healthy.present.copy()
    shown[:, FINDINGS.index("Pleural Effusion")] = True
    means = []
    for side in (-1, 1):
        sick = replace(healthy, present=shown, side=np.full_like(healthy.side, side))
        means.append(film(sick).mean(0) - film(healthy).mean(0))
    half = SIZE // 2
    assert means[0][:, :half].sum() > 5 * abs(means[0][:, half:].sum())
    assert means[1][:, half:].sum() > 5 * abs(means[1][:, :half].sum())


def test_sex_is_in_the_anatomy_and_race_in_the_acquisition(healthy: People) -> None:
    images = film(healthy)
    fine = np.abs(np.diff(images, axis=2)).mean((1, 2))
    by_race = [fine[healthy.race == k].mean() for k in range(3)]
    assert max(by_race) / min(by_race) > 1.05
    breast = images[:, 40:46, 8:14].mean((1, 2))
    assert breast[healthy.sex == 0].mean() > breast[healthy.sex == 1].mean() + 2


def test_extra_noise_is_noise(healthy: People) -> None:
    def roughness(images: np.ndarray) -> float:
        return float(np.abs(np.diff(images, axis=2)).mean())

    assert roughness(film(healthy, noise=0.06)) > 1.3 * roughness(film(healthy))


def test_same_seed_same_bytes(healthy: People) -> None:
    assert film(healthy).tobytes() == film(healthy).tobytes()
