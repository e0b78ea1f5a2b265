"""Two audits on one page: nothing is claimed that their own tables do not hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.reporting.test_verdict_single import black, labels, scores

from adfair.auditing import audit, compare
from adfair.errors import DataError
from adfair.reporting import read_sources
from adfair.reporting.verdict import verdict


def folder(table: pd.DataFrame, path: Path, **options: object) -> Path:
    how = {"attributes": ["race", "sex"], "threshold": 0.5, "replicates": 200, **options}
    audit(table, **how).save(path)  # type: ignore[arg-type]
    table.to_csv(path / "predictions.csv", index=False)
    return path


def test_means_over_different_findings_are_not_settled_by_a_pair_of_the_common_ones(tmp_path: Path) -> None:
    table = labels(findings=("X", "Y"))
    old = table.drop(columns="label_Y").assign(score_X=scores(table) * 0.9)
    new = table.assign(
        score_X=0.5 + 0.4 * (table["label_X"] - 0.5), score_Y=np.random.default_rng(0).random(len(table))
    )
    found = verdict(read_sources([folder(old, tmp_path / "old"), folder(new, tmp_path / "new")]))
    assert "means are over different findings (old has X; new has X and Y)" in found.watch[0]
    assert "paired" not in " ".join(found.sentences)
    assert "at higher accuracy" not in found.headline


def test_pairs_of_a_few_common_images_say_nothing_of_the_rest(tmp_path: Path) -> None:
    table = labels(940)
    one = table[:500].assign(score_X=scores(table)[:500])
    good = 0.5 + 0.4 * (table["label_X"] - 0.5)
    two = table[440:].assign(score_X=good.where(table.index < 500, 1 - good)[440:])
    data = read_sources([folder(one, tmp_path / "one"), folder(two, tmp_path / "two")])
    assert "at lower accuracy" in verdict(data).headline


def test_a_threshold_that_tells_nothing_apart_closes_no_gap(tmp_path: Path) -> None:
    table = labels()
    old = table.assign(score_X=scores(table, shift=1.5 * black(table)))
    new = old.assign(score_X=0.3 * old["score_X"])
    found = verdict(read_sources([folder(old, tmp_path / "old"), folder(new, tmp_path / "new")]))
    assert found.headline == "new: gaps that these thresholds cannot tell, with no clear change of accuracy"
    assert found.tone == "neutral"
    notes = compare([tmp_path / "old", tmp_path / "new"], replicates=50).notes
    assert any(note.startswith("new: all images are on one side of the threshold") for note in notes)


def test_a_gap_that_opens_elsewhere_is_in_the_headline(tmp_path: Path) -> None:
    table = labels()
    female = (table["sex"] == "F").astype(float)
    old = table.assign(score_X=scores(table, shift=2.5 * black(table)))
    new = table.assign(score_X=scores(table, shift=1.8 * female))
    found = verdict(read_sources([folder(old, tmp_path / "old"), folder(new, tmp_path / "new")]))
    assert found.headline.startswith(
        "new: a smaller gap between race groups, a larger one between sex groups"
    )
    assert found.tone == "mixed"


def test_an_attribute_that_both_have_leads_and_gaps_of_the_other_remain(tmp_path: Path) -> None:
    table = labels()
    old = table.assign(score_X=scores(table, shift=0.8 * black(table)))
    new = table.assign(score_X=scores(table, shift=2.5 * (table["sex"] == "F")))
    found = verdict(
        read_sources([folder(old, tmp_path / "old", attributes=["race"]), folder(new, tmp_path / "new")])
    )
    assert "between race groups" in found.headline
    assert any("A gap between sex groups remains" in note for note in found.watch)


def test_a_gap_that_resampling_opens_is_judged_around_the_change(tmp_path: Path) -> None:
    sites = np.repeat([f"s{k}" for k in range(20)], 60)
    label = np.tile([0, 1], 600)
    ids = {"image_id": range(1200), "patient_id": range(1200), "site": sites, "label_X": label}
    perfect = np.where(label == 1, 0.9, 0.1)
    missed = (sites == "s0") & (np.arange(1200) % 10 == 1)
    one = pd.DataFrame({**ids, "score_X": np.where(missed, 0.1, perfect)})
    half = np.where(np.arange(1200) % 4 < 2, 0.9, 0.1)
    two = pd.DataFrame({**ids, "score_X": half})
    places = [folder(t, tmp_path / n, attributes=["site"]) for t, n in ((one, "one"), (two, "two"))]
    # Twenty sites of noisy scores that come out exactly even: in resamples the second model's gap is the wider one.
    assert "a smaller gap" in verdict(read_sources(places)).headline
    said = " ".join(compare(places, attributes=["site"]).verdicts)
    assert "the equalized-odds gap between groups fell from .200 to .000" in said


def test_groups_that_were_taken_out_of_the_tables_stay_off_the_page(tmp_path: Path) -> None:
    table = labels()
    table.loc[:7, "race"] = "C"
    table["score_X"] = scores(table)
    data = read_sources([folder(table, tmp_path / "a", suppress_small=True)])
    assert not data.predictions


def test_facts_of_one_folder_are_not_told_of_two(tmp_path: Path) -> None:
    table = labels()
    table["score_X"] = scores(table)
    places = [folder(table, tmp_path / name) for name in ("a", "b")]
    (places[1] / "audit.json").unlink()
    assert read_sources(places).facts["images"] == {"a": 600}


def test_folders_of_one_name_are_told_apart_and_one_given_twice_is_refused(tmp_path: Path) -> None:
    table = labels(200)
    table["score_X"] = scores(table)
    places = [folder(table, tmp_path / r / "seed1" / "clip", replicates=20) for r in ("r0", "r1", "r2")]
    assert set(read_sources(places).models) == {f"{r}/seed1/clip" for r in ("r0", "r1", "r2")}
    with pytest.raises(DataError, match="given twice"):
        read_sources([places[0], places[0] / ".." / "clip"])


def test_an_audit_inside_an_audit_is_no_test_set(tmp_path: Path) -> None:
    table = labels(200)
    table["score_X"] = scores(table)
    outer = folder(table, tmp_path / "outer", replicates=20)
    folder(table, outer / "second", replicates=20)
    assert read_sources([outer]).test_sets == ("test",)


@pytest.mark.parametrize("content", [b"", "ä,b\n1,2\n".encode("latin-1")])
def test_a_table_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"metrics\.csv: (the file is empty|not a CSV table in UTF-8)"):
        read_sources([tmp_path])
