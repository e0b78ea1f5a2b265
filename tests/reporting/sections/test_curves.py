"""Training curves: the levels of chance, and terms that did not act."""

import numpy as np
import pandas as pd

from adfair.reporting.data import ReportData, RunRecord
from adfair.reporting.sections.curves import MOST_POINTS, curves
from adfair.reporting.view import Figure


def _log(steps: int, **more: object) -> tuple[dict[str, object], ...]:
    return tuple(
        {"step": s, "contrastive": 3.0, "contrastive_chance": float(np.log(96)), **more} for s in range(steps)
    )


def _figures(*runs: RunRecord) -> dict[str, Figure]:
    metrics = pd.DataFrame(
        {"model": [run.name for run in runs], "attribute": "", "metric": "auc", "group": ""}
    )
    cohort = {"attributes": {"race": ["A", "B", "C"], "sex": ["F", "M"]}}
    section = curves(ReportData(title="", metrics=metrics, runs=runs, cohort=cohort))
    assert section is not None
    return {figure.title: figure for figure in section.figures}


def _lines(figure: Figure) -> dict[str, list[float]]:
    return {trace["name"]: trace["y"] for trace in figure.variants[0].traces}


def test_chance_is_log_batch_one_and_one_over_the_groups() -> None:
    accuracy = {"image:race": 0.5, "image:sex": 0.6}
    loss = {"image:race": 0.9, "image:sex": 0.8}
    found = _figures(RunRecord("adfair", _log(5, adversary_loss=loss, adversary_accuracy=accuracy)))
    assert _lines(found["Contrastive loss"])["chance, log(batch)"] == [round(float(np.log(96)), 5)] * 2
    assert _lines(found["Adversary loss"])["chance"] == [1.0, 1.0]
    levels = _lines(found["Adversary accuracy"])
    assert levels["chance, race"] == [round(1 / 3, 5)] * 2
    assert levels["chance, sex"] == [0.5, 0.5]
    assert "AdFair-CLIP, race" in levels


def test_the_tower_is_named_only_where_there_are_two() -> None:
    both = {"image:race": 0.9, "text:race": 0.8}
    names = _lines(_figures(RunRecord("adfair", _log(3, adversary_loss=both)))["Adversary loss"])
    assert {"AdFair-CLIP, race, image tower", "AdFair-CLIP, race, text tower"} <= set(names)


def test_a_weight_that_never_acts_is_not_drawn() -> None:
    plain = RunRecord("clip", _log(3, adversary_weight=2.0))
    fair = RunRecord("adfair", _log(3, adversary_weight=2.0, adversary_loss={"race": 1.0}))
    assert list(_lines(_figures(plain, fair)["Adversary weight"])) == ["AdFair-CLIP"]
    assert "Adversary weight" not in _figures(plain)


def test_long_logs_are_thinned_and_keep_both_ends() -> None:
    figure = _figures(RunRecord("clip", _log(1001)))["Contrastive loss"]
    steps = figure.variants[0].traces[0]["x"]
    assert len(steps) <= MOST_POINTS + 1
    assert (steps[0], steps[-1]) == (0, 1000)


def test_values_that_are_not_finite_are_left_out() -> None:
    log = (*_log(2), {"step": 2, "contrastive": float("nan")}, {"step": 3, "contrastive": 2.0})
    steps = _figures(RunRecord("clip", log))["Contrastive loss"].variants[0].traces[0]["x"]
    assert steps == [0, 1, 3]
