import pytest

from adfair.training.pace import Pace
from adfair.training.throughput import Throughput


class Clock(Pace):
    """Two seconds a step, half a second of it for input; the first step takes ten."""

    running = 0.0  # type: ignore[assignment]

    def tick(self, seconds: float = 2.0) -> None:
        self.running += seconds
        self.on_input += 0.5


def test_figures_are_since_the_last_time_and_the_summary_leaves_the_first_step_out() -> None:
    clock = Clock()
    speed = Throughput(clock, flops=10**9, peak=1e12)
    clock.tick(10.0)
    speed.step(32)
    assert speed.figures()["images_per_second"] == pytest.approx(3.2)
    assert speed.summary() == ""
    for _ in range(3):
        clock.tick()
        speed.step(32)
    figures = speed.figures()
    assert figures.pop("seconds") >= 0
    assert figures == {"images_per_second": 16.0, "data_wait": 0.25, "model_flops": 16e9, "mfu": 0.016}
    clock.tick()
    speed.step(32)
    assert speed.summary() == (
        "throughput: 16 images/s, 25.0% of the time waiting for data, 16.0 GFLOP/s of the model (MFU 1.6%)"
    )


def test_an_unknown_peak_is_said() -> None:
    clock = Clock()
    speed = Throughput(clock, flops=1, peak=None)
    for _ in range(2):
        clock.tick()
        speed.step(4)
    assert speed.figures()["mfu"] is None
    assert speed.summary().endswith("(peak of this device not known)")
