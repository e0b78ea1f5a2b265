"""Where thresholds come from."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adfair import audit, metrics
from adfair.errors import ConfigError, DataError

Maker = Callable[..., pd.DataFrame]


def test_validation_chooses_and_the_table_applies(table: Maker) -> None:
    validation = table(seed=1)
    result = audit(table(), validation=validation, threshold="f1", replicates=0)
    for name, rows in validation.groupby("finding"):
        chosen = metrics.choose_threshold(rows["label"], rows["score"], rule="f1")
        assert result.value("threshold", finding=name) == chosen
        test = table()[table()["finding"] == name]
        expected = metrics.rates(test["label"], metrics.apply_threshold(test["score"], chosen))
        assert result.value("tpr", finding=name) == pytest.approx(expected["tpr"], abs=1e-14)


def test_defaults(table: Maker) -> None:
    assert audit(table(), replicates=0).facts["threshold_rule"] == "0.5"
    with_validation = audit(table(), validation=table(seed=1), replicates=0)
    assert with_validation.facts["threshold_rule"] == "youden"
    assert with_validation.facts["threshold_origin"] == "validation"


def test_thresholds_from_a_file(table: Maker, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_text("finding,threshold\nf0,0.3\nf1,0.7\n")
    result = audit(table(), threshold=str(path), replicates=0)
    assert result.facts["thresholds"] == {"f0": 0.3, "f1": 0.7}
    path.write_text("finding,threshold\nf0,0.3\n")
    with pytest.raises(DataError, match="no threshold for finding 'f1'"):
        audit(table(), threshold=str(path), replicates=0)
    path.write_text("finding,cut\nf0,0.3\n")
    with pytest.raises(DataError, match="column 'threshold'"):
        audit(table(), threshold=str(path), replicates=0)


def test_validation_without_a_finding_is_refused(table: Maker) -> None:
    with pytest.raises(DataError, match="no rows for finding 'f1'"):
        audit(table(), validation=table(findings=1), replicates=0)


def test_validation_without_a_class_leaves_the_threshold_undefined(table: Maker) -> None:
    validation = table(seed=1)
    validation.loc[validation["finding"] == "f0", "label"] = 0
    rows = audit(table(), validation=validation, replicates=0).table
    row = rows[(rows["metric"] == "threshold") & (rows["finding"] == "f0")].iloc[0]
    assert pd.isna(row["value"])
    assert "needs a class that the validation rows lack" in row["note"]


@pytest.mark.parametrize(
    ("lines", "what"), [("X,inf", "not a finite"), ("X,", "not a finite"), ("X,.1\nX,.2", "two")]
)
def test_a_threshold_file_with_a_fault_is_refused(tmp_path: Path, lines: str, what: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"finding,threshold\n{lines}\n")
    frame = pd.DataFrame({"label_X": [0, 1, 1], "score_X": [0.1, 0.2, 0.3]})
    with pytest.raises(DataError, match=f"t\\.csv.*{what}"):
        audit(frame, threshold=str(path), replicates=0)


def test_options_that_exclude_each_other_are_refused(table: Maker) -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        audit(table(), validation=table(), in_sample=True, replicates=0)
    with pytest.raises(ConfigError, match=r"threshold 0\.3 needs no validation table"):
        audit(table(), validation=table(), threshold=0.3, replicates=0)


def test_edges_make_an_attribute(table: Maker) -> None:
    frame = table()
    aged = frame.assign(age=frame["patient_id"].str[1:].astype(int) % 80)
    found = audit(aged, attributes=["race"], bins={"age": [40]}, threshold=0.5, replicates=0)
    assert list(found.facts["attributes"]) == ["race", "age"]


def test_a_threshold_that_does_not_fit_the_scores_is_doubted(table: Maker) -> None:
    frame = table()
    assert not audit(frame, threshold=0.5, replicates=20).notes
    low = frame.assign(score=0.01 * frame["score"])
    assert any("on one side of the threshold" in n for n in audit(low, threshold=0.5, replicates=20).notes)
    per_cent = frame.assign(score=100 * frame["score"].where(frame.index % 9 > 0, 0))
    assert any("on one scale?" in n for n in audit(per_cent, threshold=0.5, replicates=20).notes)
    cosines = frame.assign(score=2 * frame["score"] - 1)
    assert not audit(cosines, threshold=0.1, replicates=20).notes


def test_a_validation_table_that_holds_what_is_audited_is_in_sample(table: Maker) -> None:
    frame, other = table(), table(seed=1)
    whole = audit(frame, validation=frame, threshold="youden", replicates=0)
    assert whole.facts["threshold_origin"] == "in-sample"
    assert any("in-sample" in note for note in whole.notes)
    half = frame["image_id"].isin(frame["image_id"].unique()[:50])
    mixed = pd.concat([frame[half], other.assign(image_id="other-" + other["image_id"])])
    partly = audit(frame, validation=mixed, threshold="youden", replicates=0)
    assert partly.facts["threshold_origin"] == "validation"
    said = "50 of the audited images are in the validation table too: their labels chose the thresholds"
    assert said in partly.notes
    # The same ids with other scores are other images: tables without ids number their rows.
    clean = audit(frame, validation=other, threshold="youden", replicates=0)
    assert not any("validation table" in note for note in clean.notes)


def test_thresholds_of_an_audit_may_be_undefined_and_are_no_longer_in_sample_elsewhere(
    table: Maker, tmp_path: Path
) -> None:
    validation = table(seed=1)
    validation.loc[validation["finding"] == "f0", "label"] = 0
    audit(table(), validation=validation, replicates=0).save(tmp_path / "a")
    again = audit(table(), threshold=str(tmp_path / "a" / "metrics.csv"), replicates=0)
    assert pd.isna(again.value("tpr", finding="f0"))
    row = again.table[(again.table["metric"] == "threshold") & (again.table["finding"] == "f0")].iloc[0]
    assert row["note"] == "undefined: undefined in metrics.csv too"
    audit(validation, threshold="youden", in_sample=True, replicates=0).save(tmp_path / "b")
    again = audit(table(), threshold=str(tmp_path / "b" / "metrics.csv"), replicates=0)
    assert again.facts["threshold_origin"] == "given", "they were chosen on the validation table"
