"""SIGINT and SIGTERM: during training they ask for a checkpoint and an end, not for an end at once."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

ECHO = 5.0
"""Seconds in which further signals count as the same request: launchers pass on what the terminal has sent as well."""


class Stopped(KeyboardInterrupt):
    """A run was asked to end; its message says from where it can go on."""

    everywhere = True


class StopRequest:
    """While it is open: whether a signal has asked the run to end. Signals reach only the main thread's handlers.

    Attributes:
        graceful: while false, a signal ends at once (there is nothing to save yet).
    """

    def __init__(self) -> None:
        self.graceful, self.since = False, 0.0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def made(self) -> bool:
        """Whether there was one."""
        return self.since > 0

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.graceful or (self.made and now - self.since > ECHO):
            raise KeyboardInterrupt
        self.since = self.since or now
