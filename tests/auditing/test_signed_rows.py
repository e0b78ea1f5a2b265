"""Rows of signed differences: their figures, intervals, and what their notes say."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from tests.auditing.measuring import by_metric, measured, without_positives

from adfair.auditing.gaps import SIGNED
from adfair.auditing.rows import base_rows
from adfair.auditing.signed_rows import signed_rows

Maker = Callable[..., pd.DataFrame]


def test_a_signed_difference_is_the_first_group_minus_the_second(table: Maker) -> None:
    both = measured(table(), "sex")
    base = {(r["metric"], r["finding"], r["group"]): r["value"] for r in base_rows(both)}
    rows = signed_rows(both)
    assert len(rows) == len(SIGNED) * 3
    for r in rows:
        metric = r["metric"].removesuffix("_difference")
        assert r["group"] == "F-M"
        difference = base[metric, r["finding"], "F"] - base[metric, r["finding"], "M"]
        assert r["value"] == pytest.approx(difference, abs=1e-12)


def test_delong_variances_of_groups_without_a_common_patient_add_up(table: Maker) -> None:
    both = measured(table(400, findings=1), "sex", replicates=20, interval="delong")
    base = [r for r in base_rows(both) if (r["metric"], r["finding"]) == ("auc", "f0") and r["group"]]
    half = [(r["ci_high"] - r["ci_low"]) / 2 for r in base]
    got = by_metric(signed_rows(both), "f0")["auc_differenceF-M"]
    assert (got["ci_high"] - got["ci_low"]) / 2 == pytest.approx(np.hypot(*half), abs=1e-12)


def test_a_difference_with_an_undefined_group_says_so(table: Maker) -> None:
    rows = signed_rows(measured(without_positives(table(findings=1), "C"), replicates=20))
    got = by_metric(rows, "f0")
    assert got["auc_differenceA-C"]["note"] == "undefined: auc undefined in a group"
    assert np.isnan([got["auc_differenceA-C"]["value"], got["auc_differenceA-C"]["p_value"]]).all()
    assert np.isfinite(got["auc_differenceA-B"]["p_value"])
    assert np.isfinite(got["selection_rate_differenceA-C"]["value"])


def test_one_group_gives_no_difference(table: Maker) -> None:
    assert signed_rows(measured(table().assign(race="A"))) == []


def test_the_mean_of_one_finding_is_that_finding(table: Maker) -> None:
    for interval in ("percentile", "delong", "bca"):
        rows = signed_rows(measured(table(200, findings=1), "sex", replicates=50, interval=interval))
        for one, mean in zip(rows[::2], rows[1::2], strict=True):
            assert {**one, "finding": "mean"} == pytest.approx(mean, nan_ok=True)


def test_an_interval_that_is_withheld_has_no_p() -> None:
    # One positive patient a group: in most resamples a group has none.
    label = np.tile([1] + [0] * 39, 2)
    frame = pd.DataFrame(
        {"label": label, "score": np.linspace(0.9, 0.1, 80), "race": np.repeat(["A", "B"], 40)}
    )
    rows = by_metric(signed_rows(measured(frame, replicates=400)), "label")
    row = rows["auc_differenceA-B"]
    assert np.isfinite(row["value"])
    assert np.isnan([row["ci_low"], row["ci_high"], row["p_value"]]).all()
    assert "too many for an interval" in row["note"]
    assert "few positives in A: 1 patient, fewer than 10; few positives in B: 1 patient" in row["note"]
    assert "few" not in rows["selection_rate_differenceA-B"]["note"]


def test_calibrated_scores_of_groups_of_other_sizes_are_not_called_miscalibrated() -> None:
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        score = rng.beta(2, 2, 560)
        frame = pd.DataFrame({"label": (rng.random(560) < score).astype(int), "score": score})
        frame["race"] = np.repeat(["A", "B"], [500, 60])
        row = by_metric(signed_rows(measured(frame, replicates=200)), "label")["ece_differenceA-B"]
        found.append((row["value"], row["ci_low"], row["ci_high"], row["p_value"]))
    value, low, high, p = np.array(found).T
    assert value.mean() < -0.05  # the smaller group's error is the larger one, by noise alone
    assert (p <= 0.1).mean() < 0.2  # without allowance for that, all of them
    clear = np.abs(p - 0.05) > 0.02
    np.testing.assert_array_equal(((low > 0) | (high < 0))[clear], (p < 0.05)[clear])


def test_a_group_that_is_miscalibrated_is_found() -> None:
    rng = np.random.default_rng(0)
    truth, race = rng.beta(2, 2, 800), np.repeat(["A", "B"], 400)
    score = np.where(race == "B", np.clip(truth + 0.25, 0, 1), truth)
    frame = pd.DataFrame({"label": (rng.random(800) < truth).astype(int), "score": score, "race": race})
    row = by_metric(signed_rows(measured(frame, replicates=400)), "label")["ece_differenceA-B"]
    assert row["ci_high"] < 0
    assert row["p_value"] < 0.01


def test_bca_interval_and_p_agree_about_zero(table: Maker) -> None:
    rows = []
    for seed in range(12):
        frame = table(90, gap=0.9, seed=seed, findings=1)
        rows += signed_rows(measured(frame, replicates=300, interval="bca"))
    rows = [r for r in rows if r["metric"] != "ece_difference" and np.isfinite(r["p_value"])]
    clear = [r for r in rows if abs(r["p_value"] - 0.05) > 0.02]
    assert sum(r["p_value"] < 0.05 for r in clear) > 5
    for r in clear:
        assert (r["ci_low"] > 0 or r["ci_high"] < 0) == (r["p_value"] < 0.05), r


def _rates(negatives: dict[str, tuple[int, int]], *, images: int = 1) -> pd.DataFrame:
    """Groups of (called positive, all) healthy patients, and ten with the finding each."""
    rows = [
        (f"{g}{k}", 0, 0.9 if k < called else 0.1, g)
        for g, (called, n) in negatives.items()
        for k in range(n)
    ]
    rows += [(f"{g}+{k}", 1, 0.2 + 0.6 * (k % 2), g) for g in negatives for k in range(10)]
    frame = pd.DataFrame(rows * images, columns=["patient_id", "label", "score", "race"])
    return frame.assign(image_id=range(len(frame)))


def test_a_rate_of_zero_in_a_small_group_is_no_certainty() -> None:
    got = by_metric(signed_rows(measured(_rates({"A": (20, 200), "B": (0, 12)}), replicates=200)), "label")
    row = got["fpr_differenceA-B"]
    assert row["ci_low"] < 0 < row["value"] < row["ci_high"]
    assert row["p_value"] > 0.2
    assert "Newcombe interval" in row["note"]


@pytest.mark.parametrize("how", [{"interval": "percentile"}, {"interval": "bca"}, {"images": 2}])
def test_where_no_resample_of_a_group_differs_there_is_no_interval(how: dict) -> None:
    frame = _rates({"A": (20, 200), "B": (0, 12)}, images=how.pop("images", 1))
    row = by_metric(signed_rows(measured(frame, replicates=100, **how)), "label")["fpr_differenceA-B"]
    assert row["value"] == pytest.approx(0.1)
    assert np.isnan([row["ci_low"], row["ci_high"], row["p_value"]]).all()
    assert "no interval: no resample differs in B" in row["note"]


@pytest.mark.parametrize("interval", ["auto", "delong"])
def test_a_perfect_group_gives_a_difference_of_aucs_no_p(table: Maker, interval: str) -> None:
    frame = table(findings=1)
    frame.loc[frame["sex"] == "M", "score"] = frame["label"]
    row = by_metric(signed_rows(measured(frame, "sex", replicates=50, interval=interval)), "f0")
    assert np.isnan(row["auc_differenceF-M"]["p_value"])
    assert np.isnan(row["auc_differenceF-M"]["ci_low"])


def test_a_small_group_is_named_in_its_differences() -> None:
    rows = signed_rows(measured(_rates({"A": (20, 200), "B": (0, 12)}), replicates=20, min_group=30))
    assert all("small group: B, 22 patients, fewer than 30" in r["note"] for r in rows)
