"""Paired comparison of models."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair import audit, compare
from adfair.errors import ConfigError, DataError

Maker = Callable[..., pd.DataFrame]


def better(frame: pd.DataFrame, amount: float = 1.0) -> pd.DataFrame:
    """A model that separates the same images better."""
    logit = np.log(frame["score"] / (1 - frame["score"])) + amount * (frame["label"] - 0.5)
    return frame.assign(score=1 / (1 + np.exp(-logit)))


def test_difference_is_second_minus_first_and_values_are_the_audits(table: Maker) -> None:
    first, second = table(), better(table())
    got = compare({"a": first, "b": second}, threshold=0.5, replicates=50).table
    audits = [audit(t, threshold=0.5, replicates=0) for t in (first, second)]
    for r in got.to_dict("records"):
        place = {"finding": r["finding"], "attribute": r["attribute"], "group": r["group"]}
        values = [a.value(r["metric"], **place) for a in audits]
        np.testing.assert_allclose([r["value_a"], r["value_b"]], values, atol=1e-12)
        np.testing.assert_allclose(r["difference"], values[1] - values[0], atol=1e-12)


def test_a_model_against_itself_has_no_difference(table: Maker) -> None:
    got = compare({"a": table(), "b": table()}, threshold=0.5, replicates=80)
    figures = got.table[["difference", "ci_low", "ci_high"]]
    assert (figures.dropna() == 0).all(axis=None)
    assert (got.table["p_value"].dropna() == 1).all()
    assert "did not change reliably" in got.verdicts[0]


def test_pairing_narrows_the_interval(table: Maker) -> None:
    first = table(600)
    paired = compare({"a": first, "b": better(first, 0.3)}, threshold=0.5, replicates=300).table
    row = paired[
        (paired["metric"] == "auc") & (paired["finding"] == "mean") & (paired["attribute"] == "")
    ].iloc[0]
    alone = audit(first, threshold=0.5, replicates=300).table
    single = alone[
        (alone["metric"] == "auc") & (alone["finding"] == "mean") & (alone["attribute"] == "")
    ].iloc[0]
    assert row["ci_low"] > 0
    assert row["ci_high"] - row["ci_low"] < 0.4 * (single["ci_high"] - single["ci_low"])


def test_delong_and_bootstrap_p_values_nearly_agree(table: Maker) -> None:
    first = table(500, findings=1)
    rng = np.random.default_rng(0)
    other = first.assign(score=np.clip(first["score"] + rng.normal(0, 0.25, len(first)), 0, 1))
    got = compare({"a": first, "b": other}, threshold=0.5, replicates=4000, attributes=["sex"]).table
    rows = got[(got["metric"] == "auc") & (got["finding"] == "f0")]
    np.testing.assert_allclose(rows["p_value"], rows["p_delong"], atol=0.04)


def test_shuffled_rows_are_matched_by_image(table: Maker) -> None:
    first = table()
    shuffled = better(first).sample(frac=1, random_state=0)
    options = {"threshold": 0.5, "replicates": 40}
    one = compare({"a": first, "b": better(first)}, **options).table
    two = compare({"a": first, "b": shuffled}, **options).table
    keys = ["metric", "finding", "attribute", "group"]
    merged = one.merge(two, on=keys, suffixes=("_1", "_2"))
    assert len(merged) == len(one)
    np.testing.assert_allclose(merged["difference_1"], merged["difference_2"], atol=1e-12)
    np.testing.assert_allclose(merged["ci_low_1"], merged["ci_low_2"], atol=1e-12)


def test_a_file_and_a_data_frame_match_by_the_text_of_their_ids(table: Maker, tmp_path: Path) -> None:
    first = table().assign(image_id=lambda t: t["image_id"].str[1:].astype(int))
    first.to_csv(tmp_path / "a.csv", index=False)
    got = compare({"a": tmp_path / "a.csv", "b": first}, threshold=0.5, replicates=10)
    assert (got.table["difference"].dropna() == 0).all()
    assert not any("in common" in note for note in got.notes)


def test_images_of_one_table_only_are_left_out_and_said(table: Maker) -> None:
    first = table()
    part = better(first[first["image_id"] != "i0"])
    got = compare({"a": first, "b": part}, threshold=0.5, replicates=10)
    assert any("239 images in common of 240 and 239" in note for note in got.notes)


@pytest.mark.parametrize("column", ["label", "race", "patient_id"])
def test_tables_that_disagree_are_refused(table: Maker, column: str) -> None:
    second = table()
    rows = second["image_id"] == "i0"
    second.loc[rows, column] = {"label": 1 - second.loc[0, "label"], "race": "Z", "patient_id": "p9"}[column]
    with pytest.raises(DataError, match="differ for"):
        compare({"a": table(), "b": second}, threshold=0.5, replicates=10, attributes=["race"])


def test_nothing_in_common_and_one_model_are_refused(table: Maker) -> None:
    other = table().assign(image_id=lambda t: "x" + t["image_id"])
    with pytest.raises(DataError, match="no image in common"):
        compare({"a": table(), "b": other}, threshold=0.5, replicates=10)
    with pytest.raises(ConfigError, match="at least two"):
        compare({"a": table()}, threshold=0.5)


def test_folders_bring_their_thresholds(table: Maker, tmp_path: Path) -> None:
    for name, frame in (("clip", table()), ("fair", better(table()))):
        result = audit(frame, threshold="youden", validation=table(seed=1), replicates=0)
        result.save(tmp_path / name)
        frame.to_csv(tmp_path / name / "predictions.csv", index=False)
    got = compare([tmp_path / "clip", tmp_path / "fair"], replicates=20)
    row = got.table[(got.table["metric"] == "tpr") & (got.table["finding"] == "f0")].iloc[0]
    assert (row["model_a"], row["model_b"]) == ("clip", "fair")
    saved = pd.read_csv(tmp_path / "fair" / "metrics.csv", keep_default_na=False)
    value = saved[(saved["metric"] == "tpr") & (saved["finding"] == "f0") & (saved["attribute"] == "")][
        "value"
    ]
    assert row["value_b"] == pytest.approx(float(value.iloc[0]))
    written = got.save(tmp_path / "out")
    assert (written / "comparison.csv").is_file()
    assert got.verdicts[0] in (written / "comparison.md").read_text()


def test_verdict_says_that_the_gap_fell_and_the_worst_group_rose(table: Maker) -> None:
    unfair = table(900, gap=1.5)
    logit = np.log(unfair["score"] / (1 - unfair["score"])) + 1.5 * (
        (unfair["race"] == "B") & (unfair["label"] == 1)
    )
    fair = unfair.assign(score=1 / (1 + np.exp(-logit)))
    verdict = compare(
        {"clip": unfair, "fair": fair}, attributes=["race"], threshold=0.5, replicates=200
    ).verdicts[0]
    assert verdict.startswith("clip -> fair, race: the AUC gap (widest between B and ")
    assert "fell from" in verdict
    assert "worst-group AUC rose from" in verdict
    assert "95 % CI of the change -" in verdict


def test_bins_join_named_attributes(table: Maker) -> None:
    frame = table().assign(age=lambda t: 20 + t.index % 60)
    frame["age"] = frame.groupby("image_id")["age"].transform("first")
    got = compare({"a": frame, "b": frame}, attributes=["sex"], bins={"age": [40]}, replicates=10)
    assert set(got.table["attribute"]) == {"", "sex", "age"}


def test_small_groups_are_named_in_the_change_of_a_gap(table: Maker) -> None:
    frame = table()
    frame.loc[frame["patient_id"].isin([f"p{k}" for k in range(5)]), "race"] = "Z"
    rows = compare({"a": frame, "b": frame}, attributes=["race"], replicates=10).table
    gaps = rows[
        (rows["group"] == "")
        & (rows["attribute"] == "race")
        & (rows["metric"] == "equalized_odds_difference")
    ]
    assert gaps["note"].str.contains("small group: Z, 5 patients, fewer than 10").all()
    assert gaps["note"].str.count("small group").eq(1).all()


def test_thresholds_that_folders_chose_on_their_own_rows_are_said_to_be_in_sample(
    table: Maker, tmp_path: Path
) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        (tmp_path / name).mkdir()
        frame = table().assign(score=table(seed=seed)["score"])
        frame.to_csv(tmp_path / name / "predictions.csv", index=False)
        audit(frame, threshold="youden", in_sample=True, replicates=0).save(tmp_path / name)
    got = compare([tmp_path / "a", tmp_path / "b"], replicates=10)
    assert sum("in-sample" in note for note in got.notes) == 2
    given = compare([tmp_path / "a", tmp_path / "b"], threshold=0.5, replicates=10)
    assert not any("in-sample" in note for note in given.notes)
