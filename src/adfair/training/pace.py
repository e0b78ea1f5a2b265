"""How long training takes, and whether it waits for its input."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WINDOW, STARVED = 50, 0.5
"""Steps in a row over which the share of time spent on getting the input is looked at, and the share from which the
run is said to starve. Our choice: from there on, faster input helps more than faster towers."""


class Pace:
    """The clock of a run, which goes on where a resumed run was.

    Attributes:
        waited: seconds that the current window has spent on input. on_input: that this process has spent on it.
    """

    def __init__(self) -> None:
        self.began = self.started = self.window = time.perf_counter()
        self.waited, self.on_input, self.told = 0.0, 0.0, False

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return time.perf_counter() - self.began

    @property
    def running(self) -> float:
        """Seconds since this process started to train."""
        return time.perf_counter() - self.started

    def resume(self, seconds: float) -> None:
        """Go on after ``seconds`` of training."""
        self.began = time.perf_counter() - seconds

    @contextmanager
    def input(self) -> Iterator[None]:
        """Around everything that gets a batch to the device."""
        before = time.perf_counter()
        yield
        spent = time.perf_counter() - before
        self.waited, self.on_input = self.waited + spent, self.on_input + spent

    def step(self, step: int) -> Iterator[dict[str, Any]]:
        """After a step; yields one warning where a window of steps starved."""
        if (step + 1) % WINDOW:
            return
        share = self.waited / (time.perf_counter() - self.window)
        self.window, self.waited = time.perf_counter(), 0.0
        if share >= STARVED and not self.told:
            self.told = True
            yield {
                "step": step,
                "warning": "starved",
                "reason": f"{share:.0%} of the last {WINDOW} steps went on getting the batch to the device",
                "remedy": "Give the run more processors, or turn data.augment off.",
            }
