"""Two records in one folder: the one of the table that lies there counts, and a strange one is not believed."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.reporting.key_figures import key_figures
from adfair.reporting.records import recorded
from adfair.reporting.scores import sha256
from adfair.reporting.sections.provenance import provenance
from adfair.reporting.sources import read_sources

EVALUATED = {"threshold": "youden", "replicates": 1000, "split": "test"}


def _audit(fake_predictions: pd.DataFrame, folder: Path, **options: object) -> None:
    options = {"attributes": ["sex"], "threshold": 0.5, "replicates": 20, "threads": 1, **options}
    audit(fake_predictions, **options).save(folder)


def _evaluate(fake: SimpleNamespace, folder: Path, *, hashed: bool = True) -> None:
    """What ``adfair evaluate`` leaves of an evaluation, with invented figures."""
    table = fake.comparison(models=("clip",)).query("test_set == 'test'").drop(columns=["model", "test_set"])
    table.to_csv(folder / "metrics.csv", index=False)
    facts = EVALUATED | ({"metrics_sha256": sha256(folder / "metrics.csv")} if hashed else {})
    (folder / "evaluation.json").write_text(json.dumps(facts), encoding="utf-8")


@pytest.fixture
def scores(fake: SimpleNamespace) -> pd.DataFrame:
    return fake.predictions(np.random.default_rng(0), images=120, findings=("Edema",))


def test_an_audit_in_the_folder_of_an_evaluation_is_not_called_that_evaluation(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path
) -> None:
    _evaluate(fake, tmp_path)
    _audit(scores, tmp_path)
    facts = recorded(tmp_path)
    assert (facts["replicates"], facts["threshold_origin"]) == (20, "given")
    assert "split" not in facts
    assert "metrics_sha256" not in facts


def test_an_evaluation_in_the_folder_of_an_audit_is_not_called_that_audit(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path
) -> None:
    _audit(scores, tmp_path)
    assert recorded(tmp_path)["replicates"] == 20
    _evaluate(fake, tmp_path)
    assert recorded(tmp_path) == EVALUATED


def test_records_without_a_hash_count_in_their_old_order_unless_one_fits(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path
) -> None:
    _audit(scores, tmp_path)
    _evaluate(fake, tmp_path, hashed=False)
    assert recorded(tmp_path) == EVALUATED, "the audit is of another table, the evaluation may be of this one"
    old = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    del old["metrics_sha256"]
    (tmp_path / "audit.json").write_text(json.dumps(old), encoding="utf-8")
    assert recorded(tmp_path) == EVALUATED
    _audit(scores, tmp_path)
    assert recorded(tmp_path)["replicates"] == 20


def test_where_every_record_is_of_another_table_the_page_says_so(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path
) -> None:
    _audit(scores, tmp_path)
    _evaluate(fake, tmp_path)
    table = pd.read_csv(tmp_path / "metrics.csv", keep_default_na=False)
    table.iloc[1:].to_csv(tmp_path / "metrics.csv", index=False)
    said = provenance(read_sources([tmp_path]))
    assert said is not None
    facts = dict(said.facts)
    assert facts["Records"].endswith("not shown: evaluation.json and audit.json")
    assert not {"Threshold rule", "Resamples of patients"} & set(facts)
    assert said.intro.startswith("Nothing was recorded")


@pytest.mark.parametrize(("level", "said"), [(0.9, "Intervals: 90 %."), (0.95, "")])
def test_another_level_than_95_stands_at_the_key_figures(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path, level: float, said: str
) -> None:
    _evaluate(fake, tmp_path)
    _audit(scores, tmp_path, level=level)
    hints = [card.hint for card in key_figures(read_sources([tmp_path]))]
    assert len(hints) == 3
    assert all(said in hint for hint in hints)
    assert any("Intervals" in hint for hint in hints) == bool(said)


def test_of_two_models_the_one_with_another_level_is_named(
    fake: SimpleNamespace, scores: pd.DataFrame, tmp_path: Path
) -> None:
    for name in ("plain", "wide"):
        (tmp_path / name).mkdir()
    _evaluate(fake, tmp_path / "plain")
    _audit(scores, tmp_path / "wide", level=0.9)
    hints = [card.hint for card in key_figures(read_sources([tmp_path / "plain", tmp_path / "wide"]))]
    assert hints
    assert all("Intervals of wide: 90 %." in hint for hint in hints)
