import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adfair.auditing.formats import load_predictions
from adfair.auditing.settings import Settings
from adfair.auditing.transfer import domain_change
from adfair.errors import DataError

SETTINGS = Settings(replicates=400, permutations=0, threads=1)


def table(seed: int, n: int = 400, *, groups: str = "FM", shift: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y, sex = rng.integers(0, 2, n), rng.choice(list(groups), n)
    frame = {"image_id": [f"i{k}" for k in range(n)], "label": y, "sex": sex}
    return pd.DataFrame({**frame, "score": rng.standard_normal(n) + shift * y})


def change(a: pd.DataFrame, b: pd.DataFrame, **how):
    one, two = (load_predictions(each, attributes=["sex"]) for each in (a, b))
    found, notes = domain_change(one, two, np.array([0.5]), SETTINGS, **how)
    return found[found["finding"] == "label"].set_index(["metric", "attribute", "group"]), notes


def test_figures_are_those_of_each_cohort_at_the_same_threshold() -> None:
    a, b = table(0), table(1, shift=0.3)
    found, notes = change(a, b)
    row = found.loc[("auc", "", "")]
    assert row["in_domain"] == pytest.approx(roc_auc_score(a["label"], a["score"]))
    assert row["out_of_domain"] == pytest.approx(roc_auc_score(b["label"], b["score"]))
    tpr = [[(t["score"] >= 0.5)[(t["label"] == 1) & (t["sex"] == s)].mean() for s in "FM"] for t in (a, b)]
    gap = found.loc[("equal_opportunity_difference", "sex", "")]
    assert gap["difference"] == pytest.approx(abs(np.diff(tpr[1])[0]) - abs(np.diff(tpr[0])[0]))
    assert notes == ()


def test_unpaired_interval_is_that_of_a_difference_of_two_samples() -> None:
    row = change(table(2), table(3))[0].loc[("tpr", "", "")]
    variance = sum(p * (1 - p) / 200 for p in (row["in_domain"], row["out_of_domain"]))
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.2)


def test_paired_images_are_resampled_together() -> None:
    a = table(4)
    b = a.assign(score=a["score"] + 0.05 * np.random.default_rng(5).standard_normal(400))
    width = [
        (lambda row: row["ci_high"] - row["ci_low"])(change(a, b, paired=paired)[0].loc[("auc", "", "")])
        for paired in (True, False)
    ]
    assert width[0] < width[1] / 4
    with pytest.raises(DataError, match="labels differ"):
        change(a, b.assign(label=1 - b["label"]), paired=True)


def test_only_groups_of_both_cohorts_enter_a_gap() -> None:
    a, b = table(6, groups="FMX"), table(7, groups="MF")
    found, notes = change(a, b)
    assert notes == ("sex: X in one cohort only, left out of its gaps",)
    assert {group for *_, group in found.index} == {"", "F", "M"}
    means = [roc_auc_score(*(a.loc[a["sex"] == s, c] for c in ("label", "score"))) for s in "FM"]
    assert found.loc[("auc_gap", "sex", ""), "in_domain"] == pytest.approx(abs(np.diff(means)[0]))
    assert found.loc[("auc", "", ""), "in_domain"] == pytest.approx(roc_auc_score(a["label"], a["score"]))


def gaps(seed: int, sizes: tuple[int, int], harm: float = 0.0) -> pd.DataFrame:
    """Changes of gaps between three groups; in the second cohort group C is scored worse by ``harm``."""
    rng, sides = np.random.default_rng(seed), []
    for n, lost in zip(sizes, (0.0, harm), strict=True):
        y, group = rng.integers(0, 2, n), rng.choice(list("ABC"), n)
        signal = np.where(group == "C", 2.0 - lost, 2.0) * (y - 0.5)
        score = 1 / (1 + np.exp(-(rng.standard_normal(n) + signal)))
        frame = pd.DataFrame(
            {"image_id": [f"i{k}" for k in range(n)], "label": y, "g": group, "score": score}
        )
        sides.append(load_predictions(frame, attributes=["g"]))
    settings = Settings(replicates=200, permutations=200, threads=1, seed=seed)
    found, _ = domain_change(*sides, np.array([0.5]), settings)
    return found[(found["finding"] == "label") & (found["attribute"] == "g") & (found["group"] == "")]


def test_a_smaller_cohort_has_larger_gaps_and_that_alone_is_no_change() -> None:
    drawn = pd.concat([gaps(seed, (3000, 250)) for seed in range(15)])
    assert (drawn["difference"] > 0)[drawn["metric"] == "equalized_odds_difference"].mean() > 0.8
    wrong = (drawn["p_value"] < 0.05).groupby(drawn["metric"]).mean()
    assert wrong.max() <= 0.2, wrong
    outside = ((drawn["ci_low"] > 0) | (drawn["ci_high"] < 0)).groupby(drawn["metric"]).mean()
    assert outside.max() <= 0.2, outside


def test_a_true_change_of_a_gap_is_found_all_the_same() -> None:
    found = gaps(0, (3000, 1000), harm=1.5).set_index("metric")
    for metric in ("auc_gap", "equalized_odds_difference"):
        assert found.loc[metric, "p_value"] < 0.05
        assert found.loc[metric, "ci_low"] > 0


def test_paired_groups_that_are_written_in_two_ways_are_left_out() -> None:
    a = table(8)
    b = a.assign(sex=a["sex"].map({"F": "Female", "M": "Male"}))
    found, notes = change(a, b, paired=True)
    assert notes == ("sex: F, Female, M, Male in one cohort only, left out of its gaps",)
    assert found.loc[("auc", "", ""), "difference"] == 0


def test_a_small_cohort_in_which_nobody_is_called_is_no_certainty() -> None:
    def healthy(called: int, n: int) -> pd.DataFrame:
        score = np.r_[np.where(np.arange(n) < called, 0.9, 0.1), np.tile([0.2, 0.9], 8)]
        frame = pd.DataFrame(
            {"image_id": np.arange(n + 16), "label": np.repeat([0, 1], [n, 16]), "score": score}
        )
        return frame.assign(patient_id=frame["image_id"], sex=np.where(frame.index % 2, "F", "M"))

    row = change(healthy(20, 200), healthy(0, 12))[0].loc[("fpr", "", "")]
    assert row["p_value"] > 0.2
    assert row["ci_low"] < row["difference"] < 0 < row["ci_high"]
    assert "Newcombe interval" in row["note"]
