from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data.manifest import Cohort, load_cohort
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import build_model
from adfair.workflows.protocol_rows import Protocol
from adfair.workflows.retrieval_rows import retrieval_rows

QUICK = Protocol(replicates=20)


@pytest.fixture(scope="module")
def cohort(small_cohort: Path) -> Cohort:
    return load_cohort(small_cohort)


def test_a_model_that_knows_every_pair_finds_all_of_them(cohort: Cohort) -> None:
    subject = Subject(build_model("tiny", seed=0, image_size=64), cohort)
    reports = cohort.split("test")["report"].tolist()
    subject._embedded["test", "embedding"] = subject.text_emb(reports)
    table = retrieval_rows(subject, "test", QUICK)
    recall = table[table["metric"].str.startswith("retrieval_recall")]
    np.testing.assert_allclose(recall["value"], 1)
    assert set(recall["stratum"]) == {"query=image", "query=report"}
    assert set(recall["group"]) == {"", "F", "M", "Asian", "Black", "White"}
    gaps = table[table["metric"].str.startswith("retrieval_gap")]
    assert (gaps["value"] < 1e-12).all()
    assert (gaps["p_value"] == 1).all()


def test_a_random_model_is_near_chance(cohort: Cohort) -> None:
    table = retrieval_rows(Subject(build_model("tiny", seed=1, image_size=64), cohort), "test", QUICK)
    whole = table[(table["metric"] == "retrieval_recall@10") & (table["group"] == "")]
    chance = whole["expected_by_chance"]
    assert len(whole) == 2
    assert chance.between(0.01, 0.5).all()
    assert (abs(whole["value"] - chance) < 4 * np.sqrt(chance * (1 - chance) / whole["n"])).all()


def test_without_reports_it_is_undefined(cohort: Cohort) -> None:
    silent = replace(cohort, table=cohort.table.assign(report=""))
    table = retrieval_rows(Subject(build_model("tiny", seed=1, image_size=64), silent), "test", QUICK)
    assert table["value"].isna().all()
    assert pd.unique(table["note"]).tolist() == ["undefined: the cohort has no reports"]


def test_without_permutations_there_is_no_level_of_chance_of_a_gap(cohort: Cohort) -> None:
    subject = Subject(build_model("tiny", seed=0, image_size=64), cohort)
    table = retrieval_rows(subject, "test", replace(QUICK, replicates=0))
    gaps = table[table["metric"].str.startswith("retrieval_gap")]
    assert gaps["value"].notna().all()
    assert gaps[["expected_by_chance", "p_value"]].isna().all(axis=None)


def test_one_patient_has_no_interval(cohort: Cohort) -> None:
    table = cohort.table.copy()
    lone = (table["split"] == "test") & (
        table["patient_id"] == table.query("split == 'test'")["patient_id"].iloc[0]
    )
    table.loc[table["split"] == "test", "sex"] = "F"
    table.loc[lone, "sex"] = "M"
    found = retrieval_rows(
        Subject(build_model("tiny", seed=1, image_size=64), replace(cohort, table=table)), "test", QUICK
    )
    rows = found[found["metric"].str.startswith("retrieval_recall") & (found["group"] == "M")]
    assert rows["value"].notna().all()
    assert rows["ci_low"].isna().all()
    assert set(rows["note"]) == {"no interval: one patient"}
