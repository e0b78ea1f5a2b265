import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.diagnosis import _in_words, diagnose
from adfair.data.manifest import load_cohort
from adfair.data.synthetic import synth
from adfair.errors import ConfigError


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):  # type: ignore[no-untyped-def]
    return load_cohort(synth(tmp_path_factory.mktemp("d") / "c", preset="default", n_train=800, n_test=60))


def test_a_biased_cohort(cohort) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(cohort)
    assert any("findings depend on race" in sign for sign in found.signs)
    assert any("name sex, race or age" in sign for sign in found.signs)
    assert found.policy.negatives == "group_adjusted"
    assert set(found.tables) == {"dependence", "naming", "sizes", "reporting", "splits", "images"}
    assert found.tables["naming"]["share"].iloc[0] == pytest.approx(0.3, abs=0.06)


def test_the_record_is_json_and_undefined_is_null(cohort) -> None:  # type: ignore[no-untyped-def]
    found = diagnose(cohort, images=False)
    found.tables["dependence"].loc[0, "gain"] = np.nan
    text = json.dumps(found.record(), allow_nan=False)
    assert json.loads(text)["dependence"][0]["gain"] is None
    assert "Images were not looked at." in found.notes


def test_report_text_stays_out(cohort) -> None:  # type: ignore[no-untyped-def]
    text = json.dumps(diagnose(cohort, images=False).record())
    assert not any(report in text for report in cohort.split("train")["report"] if len(report) > 30)


def test_an_attribute_that_is_not_declared(cohort) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match="no 'age'; it declares race, sex"):
        diagnose(cohort, attributes=["age"])


def test_rows_of_unknown_group_are_in_no_contrast(cohort) -> None:  # type: ignore[no-untyped-def]
    half = cohort.table.copy()
    half.loc[half.index[::2], "race"] = ""
    known = (half[half.split == "train"]["race"] != "").sum()
    masked = type(cohort)(root=cohort.root, info=cohort.info, table=half)
    found = diagnose(masked, images=False)
    race = found.tables["dependence"].set_index("attribute").loc["race"]
    assert race["patients"] <= known


def test_a_small_cohort_without_signs_is_not_cleared(cohort) -> None:  # type: ignore[no-untyped-def]
    found = dataclasses.replace(diagnose(cohort, images=False), signs=[])
    assert found.conclusion.startswith("none was found, but 11 groups and intersections have fewer patients")
    found.tables["sizes"]["enough"] = True
    assert found.conclusion == "none; there is nothing to remove"


def test_reports_that_cannot_be_read_are_not_cleared(cohort) -> None:  # type: ignore[no-untyped-def]
    foreign = dataclasses.replace(
        cohort, table=cohort.table.assign(report="Kein Pneumothorax, Erguss links.")
    )
    found = diagnose(foreign, images=False)
    assert "could not be judged (race: no finding varies; sex: no finding varies)" in found.conclusion
    assert "No dependence is known that could be hidden: the loss is the plain one." in found.policy.reasons
    assert any(note.startswith("100% of the reports mention no finding") for note in found.notes)
    assert any("labels give, 100% are not read" in note for note in found.notes)
    assert not any(
        "not read" in note or "mention no" in note for note in diagnose(cohort, images=False).notes
    )


def test_one_pronoun_is_no_sign(cohort) -> None:  # type: ignore[no-untyped-def]
    table = cohort.table.assign(report="No effusion.")
    table = pd.concat([table] * 3, ignore_index=True)
    table.loc[table.index[0], "report"] = "Her lungs are clear."
    signs = diagnose(dataclasses.replace(cohort, table=table), images=False).signs
    assert not any("name sex" in sign for sign in signs)


def test_images_that_differ_are_said_to_show_the_group_and_are_no_sign(cohort) -> None:  # type: ignore[no-untyped-def]
    found = dataclasses.replace(diagnose(cohort), signs=[])
    found.tables["sizes"]["enough"] = True
    assert found.conclusion.startswith(
        "none; there is nothing to remove; images differ between groups all the same ("
    )
    assert "exposure by race" in found.conclusion


def test_splits_and_their_mix_of_patients(cohort) -> None:  # type: ignore[no-untyped-def]
    table = diagnose(cohort, images=False).tables["splits"].set_index("split")
    assert table.loc["train", "images"] == 800
    assert table.loc["test", "race White"] == pytest.approx(1 / 3)
    assert table.loc["train", "race White"] > 0.45


def test_a_cohort_without_groups_and_patients_who_are_set_aside(cohort, tmp_path) -> None:  # type: ignore[no-untyped-def]
    bare = cohort.info.model_copy(update={"attributes": {}})
    with pytest.raises(ConfigError, match="has no attributes; it declares none"):
        diagnose(dataclasses.replace(cohort, info=bare))
    aside = sorted(set(cohort.split("train")["patient_id"]))[:100]
    pd.DataFrame({"patient_id": aside}).to_csv(tmp_path / "list.csv", index=False)
    info = cohort.info.model_copy(update={"exclude_patients": [str(tmp_path / "list.csv")]})
    found = diagnose(dataclasses.replace(cohort, info=info), images=False)
    assert "100 patients of balanced test sets are left out, as in training." in found.notes
    left = ~cohort.split("train")["patient_id"].isin(aside)
    assert found.tables["splits"].set_index("split").loc["train", "images"] == left.sum()


@pytest.mark.parametrize(
    ("figure", "value", "others", "words"),
    [
        (
            "Edema, given the others",
            -0.235,
            0.058,
            "Edema is stated 24 points less often than the report's other findings predict, elsewhere 6 points more often",
        ),
        ("denied", 0.25, 0.5, "25% of the findings that are not stated are denied, elsewhere 50%"),
        ("words", 20.44, 31.0, "20.4 words a report, elsewhere 31"),
        ("Edema", 0.1, 0.2, "Edema is stated in 10% of the reports, elsewhere in 20%"),
    ],
)
def test_signs_of_reporting_in_words(figure: str, value: float, others: float, words: str) -> None:
    assert _in_words(figure, value, others) == words
