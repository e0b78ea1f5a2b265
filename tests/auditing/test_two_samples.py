"""Differences between two samples of which one may show nothing of its uncertainty."""

import numpy as np
import pandas as pd
import pytest
from tests.auditing.measuring import measured

from adfair.auditing.two_samples import judge_two
from adfair.metrics.rate_difference import newcombe_interval, newcombe_p_value


def _frame(called: int, n: int, *, images: int = 1) -> pd.DataFrame:
    """``n`` healthy patients, of whom ``called`` are called positive, and four with the finding."""
    score = np.r_[np.where(np.arange(n) < called, 0.9, 0.1), 0.2, 0.3, 0.8, 0.9]
    frame = pd.DataFrame({"patient_id": np.arange(n + 4), "label": np.repeat([0, 1], [n, 4]), "score": score})
    frame["race"] = np.where(frame.index % 2, "A", "B")
    return pd.concat([frame] * images).assign(image_id=np.arange(images * len(frame)))


def _judge(metric: str, *frames: pd.DataFrame, **options: object) -> tuple[np.ndarray, ...]:
    tables = [measured(frame, **{"replicates": 50, **options}) for frame in frames]
    given = np.full(2, -1.0), np.full(2, 1.0), np.full(2, 0.001)
    return judge_two({name: (m, 0) for name, m in zip("ab", tables, strict=True)}, metric, *given)


def test_rates_of_one_row_a_patient_have_newcombes_interval() -> None:
    low, high, p, how = _judge("fpr", _frame(20, 200), _frame(0, 12))
    part, whole = np.array([20.0, 0.0]), np.array([200.0, 12.0])
    assert [(low[0], high[0])] * 2 == [newcombe_interval(part, whole), (low[1], high[1])]
    assert p[0] == p[1] == newcombe_p_value(part, whole)
    assert how == ["Newcombe interval"] * 2


@pytest.mark.parametrize("how", [{"interval": "percentile"}, {}])
def test_else_a_side_that_never_differs_has_no_interval(how: dict) -> None:
    images = 1 if how else 2
    frames = _frame(20, 200, images=images), _frame(0, 12, images=images)
    low, high, p, said = _judge("fpr", *frames, **how)
    assert np.isnan([low, high, p]).all()
    assert said == ["no interval: no resample differs in b"] * 2


def test_what_a_bootstrap_can_judge_is_left_alone() -> None:
    low, high, p, said = _judge("auc", _frame(20, 200), _frame(3, 40))
    assert (low.tolist(), high.tolist(), p.tolist(), said) == ([-1, -1], [1, 1], [0.001, 0.001], ["", ""])
    assert _judge("fpr", _frame(20, 200), _frame(0, 12), replicates=0)[3] == ["", ""], "nothing was drawn"
