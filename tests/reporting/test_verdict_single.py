"""What is said of one model where the page's gap is not the whole story."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import audit
from adfair.reporting.judgement import Verdict, undefined_note
from adfair.reporting.sources import read_sources
from adfair.reporting.verdict import verdict


def labels(
    n: int = 600, findings: tuple[str, ...] = ("X",), groups: str = "AB", seed: int = 1
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ids = {name: [f"{name[0]}{k}" for k in range(n)] for name in ("image_id", "patient_id")}
    drawn = {f"label_{f}": (rng.random(n) < 0.4).astype(int) for f in findings}
    return pd.DataFrame(
        {**ids, "race": rng.choice(list(groups), n), "sex": rng.choice(["F", "M"], n), **drawn}
    )


def scores(table: pd.DataFrame, finding: str = "X", *, shift: object = 0.0, seed: int = 1) -> pd.Series:
    noise = np.random.default_rng(seed).normal(size=len(table))
    return 1 / (1 + np.exp(-(1.5 * (table[f"label_{finding}"] - 0.5) + noise + shift)))


def said(table: pd.DataFrame, folder: Path, **options: object) -> Verdict:
    how = {"attributes": ["race", "sex"], "threshold": 0.5, "replicates": 200, **options}
    audit(table, **how).save(folder)  # type: ignore[arg-type]
    return verdict(read_sources([folder]))


def black(table: pd.DataFrame) -> pd.Series:
    return (table["race"] == "B").astype(float)


def test_a_gap_of_auc_that_the_rates_do_not_show(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = scores(table)
    # Within each side of the threshold the scores of B are shuffled: rates stay, the order is lost.
    for side in (table["score_X"] < 0.5, table["score_X"] >= 0.5):
        rows = table.index[side & (table["race"] == "B")]
        table.loc[rows, "score_X"] = np.random.default_rng(0).permutation(table.loc[rows, "score_X"])
    found = said(table, tmp_path)
    assert (
        found.headline
        == f"{tmp_path.name}: a gap beyond chance, though the mean equalized odds difference shows none"
    )
    assert found.tone == "mixed"
    assert any("Between race groups the AUC gap is" in note for note in found.watch)


def test_without_thresholds_the_gap_is_that_of_auc(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = 6 * scores(table).where(
        table["race"] == "A", np.random.default_rng(2).random(len(table))
    )
    found = said(table, tmp_path, threshold=None)
    assert found.headline == f"{tmp_path.name}: a gap between race groups beyond chance"
    assert "the AUC gap of" in found.sentences[0]


def test_a_gap_between_intersections_alone(tmp_path: Path) -> None:
    table = labels(1200)
    either = (table["race"] == "B") ^ (table["sex"] == "M")
    table["score_X"] = scores(table, shift=0.7 * np.where(either, 1, -1))
    found = said(table, tmp_path, intersections=True)
    assert "a gap beyond chance, though the mean" in found.headline
    assert any("Between race*sex groups the equalized odds difference is" in note for note in found.watch)


def test_a_group_that_the_gap_leaves_out_is_named(tmp_path: Path) -> None:
    table = labels(900, groups="ABC")
    table["label_X"] = table["label_X"].where(table["race"] != "C", 0)
    table["score_X"] = scores(table, shift=3.0 * (table["race"] == "C"))
    found = said(table, tmp_path)
    assert "no gap between" not in found.headline
    text = " ".join([*found.sentences, *found.watch])
    assert "without C where undefined" in text
    assert "Between race groups the demographic parity difference is" in text


def test_permutations_too_few_for_a_small_p_do_not_clear(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = scores(table, shift=2.5 * black(table))
    found = said(table, tmp_path, replicates=10)
    assert found.headline == f"{tmp_path.name}: a gap between race groups beyond chance"
    assert "the least that so few permutations can give" in found.sentences[0]


@pytest.mark.parametrize("permutations", [0, 200])
def test_what_was_not_tested_or_computed_is_not_called_within_chance(
    tmp_path: Path, permutations: int
) -> None:
    table = labels()
    table["score_X"] = scores(table)
    table["site"] = "one"
    found = said(table, tmp_path, attributes=["race", "sex", "site"], permutations=permutations)
    text = " ".join(found.watch)
    assert "undefined: 1 known group, a gap needs two." in text
    assert ("not beyond chance" in text) == (permutations > 0)
    assert ("not tested against chance" in found.headline) == (permutations == 0)


def test_p_values_that_were_not_adjusted_are_not_called_so(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = scores(table, shift=0.5 * black(table))
    assert "adjusted" not in " ".join(said(table, tmp_path, adjustment="none").sentences)


def test_a_finding_without_a_threshold_does_not_hide_one_that_separates_nothing(tmp_path: Path) -> None:
    table = labels(findings=("X", "Y"))
    table["score_X"], table["score_Y"] = scores(table) * 0.3, scores(table, "Y") * 6
    found = said(table, tmp_path, threshold=None)
    assert found.headline == f"{tmp_path.name}: a threshold that tells no images apart"


def test_withheld_values_are_not_called_undefined(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = scores(table)
    audit(table, attributes=["race"], threshold=0.5, replicates=20).save(tmp_path)
    data = read_sources([tmp_path])
    rows = data.metrics.index[data.metrics["metric"] == "tpr"]
    data.metrics.loc[rows[:3], "value"] = float("nan")
    data.metrics.loc[rows[:2], "note"] = "suppressed: fewer than 10 patients"
    assert undefined_note(data) == (
        "1 value could not be computed and 2 values were withheld to protect few patients; "
        "the tables give the reason in place of a number."
    )


def test_who_is_served_worst_is_told_of_the_same_findings_and_a_small_group_is_marked(tmp_path: Path) -> None:
    table = labels(findings=("Easy", "Hard"), groups="ABC")
    table["score_Easy"] = scores(table, "Easy", shift=0.0, seed=2) + 2.0 * table["label_Easy"]
    table["score_Hard"] = scores(table, "Hard", seed=3)
    table["score_Easy"] /= table["score_Easy"].max()
    table.loc[table["race"] == "C", "label_Easy"] = 0
    found = said(table, tmp_path / "a", attributes=["race"])
    assert "of the race groups with the same findings, " in found.sentences[1]
    assert ", C is served worst" not in found.sentences[1]
    table = labels(groups="AB")
    table["score_X"] = scores(table)
    table.loc[table.index < 4, ["race", "label_X", "score_X"]] = ["Tiny", 0, 0.9]
    table.loc[0, ["label_X", "score_X"]] = [1, 0.1]
    found = said(table, tmp_path / "b", attributes=["race"])
    assert "Tiny is served worst, at .000" in found.sentences[1]
    assert "small group: 4 patients, fewer than 10" in found.sentences[1]
    assert "small group: Tiny, 4 patients, fewer than 10" in found.sentences[0]
