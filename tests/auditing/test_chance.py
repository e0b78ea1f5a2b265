"""The permutation null: who is permuted, within what, and that its p-values are honest."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.auditing import load_predictions
from adfair.auditing.chance import _finding_status, attribute_units

Maker = Callable[..., pd.DataFrame]


def test_units_are_patients_of_known_group(table: Maker) -> None:
    frame = table(40)
    frame.loc[frame["patient_id"] == "p3", "race"] = ""
    predictions = load_predictions(frame, attributes=["race"])
    units = attribute_units(predictions, predictions.attributes[0])
    assert len(units.codes) == 19
    assert (units.of_image < 0).sum() == 2
    assert units.split_patients == 0


def test_patient_whose_group_changes_is_a_unit_per_group() -> None:
    frame = pd.DataFrame(
        {"patient_id": ["p", "p", "q"], "label": [0, 1, 1], "score": 0.5, "age": list("xyx")}
    )
    predictions = load_predictions(frame, attributes=["age"])
    units = attribute_units(predictions, predictions.attributes[0])
    assert len(units.codes) == 3
    assert units.split_patients == 1


def test_status_tells_negative_positive_and_both() -> None:
    frame = pd.DataFrame(
        {"patient_id": list("aabbcd"), "label": [0, 0, 1, 0, 1, -1], "score": 0.5, "g": list("xxyyxy")}
    )
    predictions = load_predictions(frame, attributes=["g"])
    status = _finding_status(predictions, attribute_units(predictions, predictions.attributes[0]))
    assert status[:, 0].tolist() == [1, 3, 2, 0]


def test_expected_gap_of_a_tiny_table_is_the_mean_over_all_permutations() -> None:
    y, s = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 3, 5, 2, 4, 6])
    frame = pd.DataFrame({"label": y, "score": s, "g": list("xxyxyy")})
    row = audit(frame, replicates=0, permutations=6000).table
    row = row[(row["metric"] == "auc_gap") & (row["finding"] == "label")].iloc[0]
    gaps = []
    for negatives in set(permutations("xxy")):
        for positives in set(permutations("xyy")):
            g = np.array(negatives + positives)
            aucs = []
            for name in "xy":
                a, b = s[(g == name) & (y == 1)], s[(g == name) & (y == 0)]
                aucs.append(np.mean(a[:, None] > b[None, :]))
            gaps.append(abs(aucs[0] - aucs[1]))
    assert row["expected_by_chance"] == pytest.approx(np.mean(gaps), abs=0.02)
    assert row["p_value"] == pytest.approx(np.mean(np.array(gaps) >= row["value"] - 1e-12), abs=0.03)


def test_prevalence_alone_is_no_gap_in_odds_but_is_one_in_parity() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(["x", "y"], 400)
    y = (rng.random(800) < np.where(group == "x", 0.15, 0.7)).astype(int)
    frame = pd.DataFrame(
        {"label": y, "score": np.clip(0.3 + 0.3 * y + rng.normal(0, 0.2, 800), 0, 1), "g": group}
    )
    rows = audit(frame, threshold=0.5, replicates=0, permutations=500).table
    p = rows[rows["finding"] == "label"].set_index("metric")["p_value"]
    assert p["demographic_parity_difference"] < 0.01
    assert p["equalized_odds_difference"] > 0.05
    assert p["auc_gap"] > 0.05


def test_planted_gap_is_found_and_p_values_are_uniform_without_one(table: Maker) -> None:
    planted = audit(table(900, gap=2.0), attributes=["race"], threshold=0.5, replicates=0, permutations=400)
    for finding in ("f0", "mean"):
        rows = planted.table[(planted.table["finding"] == finding)].set_index("metric")
        assert rows.loc["auc_gap", "p_value"] == 1 / 401
        assert rows.loc["auc_gap", "value"] > 3 * rows.loc["auc_gap", "expected_by_chance"]
        assert rows.loc["worst_group_auc", "p_value"] < 0.02
        assert rows.loc["es_auc", "p_value"] < 0.02
    p = []
    for seed in range(60):
        frame = table(160, findings=2, seed=seed + 50)
        rows = audit(frame, attributes=["race"], threshold=0.5, replicates=0, permutations=99).table
        rows = rows[
            rows["metric"].isin(["auc_gap", "equalized_odds_difference", "demographic_parity_difference"])
        ]
        p.append(rows.set_index(["metric", "finding"])["p_value"])
    shares = (pd.concat(p, axis=1) <= 0.2).mean(axis=1)
    # 0.2 is expected; 60 simulations have a standard error of .052.
    assert shares.between(0.03, 0.40).all(), shares


def _share_found(make: Callable[[np.random.Generator], pd.DataFrame], finding: str, runs: int) -> pd.Series:
    """Share of tables without a gap whose p is .1 or less, by metric."""
    found = []
    for seed in range(runs):
        frame = make(np.random.default_rng(seed))
        rows = audit(frame, attributes=["g"], threshold=0.5, replicates=0, permutations=99).table
        rows = rows[
            (rows["finding"] == finding) & rows["metric"].isin(["auc_gap", "equalized_odds_difference"])
        ]
        found.append(rows.set_index("metric")["p_value"] <= 0.1)
    return pd.concat(found, axis=1).mean(axis=1)


def _many_findings(rng: np.random.Generator) -> pd.DataFrame:
    """Ten findings, each frequent in one group and rare in the other; a score knows its own label alone."""
    codes, half = rng.integers(0, 2, 500), np.arange(10) < 5
    y = (rng.random((500, 10)) < np.where(half == (codes[:, None] == 0), 0.45, 0.08)).astype(int)
    s = 1 / (1 + np.exp(1 - 1.5 * y - rng.normal(size=y.shape)))
    columns = {f"label_f{f}": y[:, f] for f in range(10)} | {f"score_f{f}": s[:, f] for f in range(10)}
    return pd.DataFrame({"g": np.array(["x", "y"])[codes], **columns})


def _many_films(rng: np.random.Generator) -> pd.DataFrame:
    """One or eight films of a patient that score alike: most of the 60 patients of x have one, most of the 300 of y eight."""
    films = np.concatenate([rng.choice([1, 8], 60, p=[0.9, 0.1]), rng.choice([1, 8], 300, p=[0.1, 0.9])])
    patient, y = np.repeat(np.arange(360), films), rng.integers(0, 2, 360)
    z = 0.32 * rng.normal(size=patient.size) + 0.95 * rng.normal(size=360)[patient] + 1.2 * y[patient] - 0.6
    group = np.where(patient < 60, "x", "y")
    return pd.DataFrame(
        {"patient_id": patient, "label": y[patient], "score": 1 / (1 + np.exp(-z)), "g": group}
    )


def test_groups_of_other_findings_or_other_numbers_of_films_have_no_gap_by_that() -> None:
    # .1 is expected; 60 simulations have a standard error of .039.
    assert (_share_found(_many_findings, "mean", 60) < 0.24).all()
    assert (_share_found(_many_films, "label", 60) < 0.24).all()


def test_more_groups_than_a_byte_can_name() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        np.repeat([f"g{k:02d}" for k in range(20)], 60),
        np.tile(np.repeat([f"h{k:02d}" for k in range(15)], 4), 20),
    )
    y = np.tile([0, 1, 0, 1], 300)
    frame = pd.DataFrame({"label": y, "score": rng.random(1200), "a": a, "b": b})
    rows = audit(
        frame, attributes=["a", "b"], intersections=True, replicates=0, permutations=64, min_group=1
    ).table
    row = rows[
        (rows["metric"] == "auc_gap") & (rows["attribute"] == "a*b") & (rows["finding"] == "label")
    ].iloc[0]
    assert row["value"] == row["expected_by_chance"] == 1.0
    assert row["p_value"] == 1.0


def test_groups_without_patients_alike_have_a_chance_level_that_says_so() -> None:
    rng = np.random.default_rng(0)
    patient = np.concatenate([np.arange(40), np.repeat(np.arange(40, 80), 4)])
    y = rng.integers(0, 2, 80)[patient]
    frame = pd.DataFrame({"patient_id": patient, "label": y, "score": rng.random(200), "g": patient < 40})
    rows = audit(frame.astype({"g": str}), attributes=["g"], replicates=0, permutations=64).table
    row = rows[(rows["metric"] == "auc_gap") & (rows["finding"] == "label")].iloc[0]
    assert row["p_value"] == 1.0
    assert "0 % of the patients have a like" in row["note"]
