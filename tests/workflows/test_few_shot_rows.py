from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError
from adfair.evaluation import penalty_search
from adfair.evaluation.few_shot import Budget, draw, learn
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import build_model
from adfair.workflows import few_shot_rows as module
from adfair.workflows.protocol_rows import Protocol

HOW = Protocol(draws=2)


@pytest.fixture
def subject(small_cohort: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(module, "BUDGETS", (Budget(shots=2), Budget(shots=32), Budget(fraction=1.0)))
    monkeypatch.setattr(penalty_search, "PENALTIES", (1.0, 10.0))
    return Subject(build_model("tiny", seed=0, image_size=64), load_cohort(small_cohort))


def test_figures_are_the_mean_over_draws_of_what_scikit_learn_finds(subject: Subject) -> None:
    table = module.few_shot_rows(subject, "test", HOW)
    row = table.set_index(["metric", "finding", "attribute", "group", "stratum"])
    task, f = module._task(subject, "test", HOW), subject.findings.index("Edema")
    val = len(subject.labels("val"))
    for learner in ("linear", "tip_adapter"):
        values = []
        for k in range(2):
            rng = np.random.default_rng([0, k, *b"Edema"])
            rows = draw(task.raw.train.labels[:, f], task.patients, None, Budget(shots=2), rng)
            scores = learn(task.raw, task.scaled, {f: rows})[learner][val:, f]
            values.append(roc_auc_score(subject.labels("test")[:, f], scores))
        found = row.loc[("few_shot_auc@2", "Edema", "", "", f"learner={learner}")]
        assert found["value"] == pytest.approx(np.mean(values))
        assert f"{np.std(values, ddof=1):.4f} over 2 draws" in found["note"]
    gaps = table[table["metric"] == "few_shot_equalized_odds_difference@100%"]
    assert gaps["value"].between(0, 1).all()
    assert "over" not in row.loc[("few_shot_auc@100%", "mean", "", "", "learner=linear")]["note"]


def test_a_threshold_of_zero_shot_scores_is_none_of_theirs(subject: Subject) -> None:
    chosen, given = (
        module.few_shot_rows(subject, "test", replace(HOW, threshold=rule, draws=1))
        for rule in ("youden", "0.7")
    )
    pd.testing.assert_frame_equal(chosen, given)


def test_too_few_images_are_undefined_with_the_reason(subject: Subject) -> None:
    table = module.few_shot_rows(subject, "test", replace(HOW, sampling="group_balanced", draws=1))
    few = table[(table["metric"] == "few_shot_auc@32") & (table["finding"] != "mean")]
    few = few[(few["attribute"] == "") & few["value"].isna()]
    assert len(few) > 0
    assert few["note"].str.contains("fewer than 32 patients").all()


def test_the_mean_is_over_the_same_findings_whatever_a_draw_lacks() -> None:
    nan = np.nan
    draws = {"common": [0.9, 0.8, 1.0], "rare": [0.5, nan, 0.7], "never": [nan] * 3}
    rows = []
    for k in range(3):
        here = {name: values[k] for name, values in draws.items()}
        here["mean"] = np.nanmean(list(here.values()))
        rows += [{"finding": name, "value": value, "draw": k} for name, value in here.items()]
    found = pd.DataFrame(rows).assign(
        learner="linear", metric="auc", attribute="", group="", n=5, n_positive=2, note=""
    )
    got = module._summary(found, Budget(fraction=0.05), blind=False).set_index("finding")
    assert got.loc["mean", "value"] == pytest.approx((0.9 + 0.6) / 2)  # not (.7 + .8 + .85) / 3
    assert got.loc["mean", "note"] == (
        f"2 of 3 draws have every finding; standard deviation {np.std([0.7, 0.85], ddof=1):.4f} over 2 draws"
    )
    assert got.loc["rare", "value"] == pytest.approx(0.6)
    assert np.isnan(got.loc["never", "value"])


def test_what_the_audit_cannot_define_keeps_its_reason(subject: Subject) -> None:
    table = module.few_shot_rows(subject, "test", replace(HOW, validation=None, draws=1))
    odds = table[table["metric"] == "few_shot_equalized_odds_difference@2"]
    assert odds["value"].isna().all()
    assert odds["note"].str.startswith("undefined").all()


def test_without_a_text_tower_tip_adapter_says_that_it_is_the_cache_alone(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = module.few_shot_rows(subject, "test", replace(HOW, draws=1))
    assert not told["note"].str.contains("cache").any()

    def refuse(*_: object, **__: object) -> None:
        raise ConfigError("no text tower")

    monkeypatch.setattr(Subject, "scores", refuse)
    blind = module.few_shot_rows(subject, "test", replace(HOW, draws=1))
    noted = blind["note"].str.contains("without zero-shot scores: the cache of images alone")
    assert (noted == (blind["stratum"] == "learner=tip_adapter")).all()
