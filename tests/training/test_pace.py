import pytest

from adfair.training import pace as module
from adfair.training.pace import WINDOW, Pace


@pytest.mark.parametrize(("waits", "expected"), [(0.4, 0), (0.6, 1)])
def test_waiting_for_half_of_the_time_is_told_once(
    monkeypatch: pytest.MonkeyPatch, waits: float, expected: int
) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    pace, told = Pace(), []
    for step in range(3 * WINDOW):
        with pace.input():
            now += waits
        now += 1 - waits
        told += list(pace.step(step))
    assert [(note["warning"], note["step"]) for note in told] == [("starved", WINDOW - 1)] * expected
    assert pace.seconds == pytest.approx(3 * WINDOW)
    pace.resume(7.0)
    assert pace.seconds == pytest.approx(7.0)
