"""How fast a run goes: images a second, waiting for input, and how much of the device's arithmetic the towers use."""

from typing import Any

from adfair.training.pace import Pace


class Throughput:
    """Figures since the last time that somebody asked, and of the whole run.

    Args:
        pace: the clock. flops: of one pair, see ``flops.pair_flops``. peak: of all devices together in FLOP/s, or
            ``None`` where it is not known.
    """

    def __init__(self, pace: Pace, *, flops: int, peak: float | None) -> None:
        self.pace, self.flops, self.peak = pace, flops, peak
        self.images = 0
        self.start = self.last = self._now()

    def _now(self) -> tuple[int, float, float]:
        return self.images, self.pace.running, self.pace.on_input

    def step(self, images: int) -> None:
        """Count a step. The first one, in which libraries and memory are set up, is left out of the summary."""
        self.images += images
        if self.images == images:
            self.start = self._now()

    def figures(self) -> dict[str, Any]:
        """``seconds`` of training so far; ``images_per_second``, ``data_wait`` (share of the time), ``model_flops``
        (a second) and ``mfu``.
        """
        since, self.last = self.last, self._now()
        return {"seconds": self.pace.seconds, **self._between(since, self.last)}

    def _between(self, a: tuple[int, float, float], b: tuple[int, float, float]) -> dict[str, Any]:
        images, seconds, waited = (later - earlier for earlier, later in zip(a, b, strict=True))
        rate = images / seconds
        flops = rate * self.flops
        mfu = None if self.peak is None else flops / self.peak
        return {"images_per_second": rate, "data_wait": waited / seconds, "model_flops": flops, "mfu": mfu}

    def summary(self) -> str:
        """One line for people, of all steps but the first; empty where there is no second step."""
        if self.images == self.start[0]:
            return ""
        now = self._between(self.start, self._now())
        share = "peak of this device not known" if self.peak is None else f"MFU {now['mfu']:.1%}"
        return (
            f"throughput: {now['images_per_second']:,.0f} images/s, {now['data_wait']:.1%} of the time waiting for "
            f"data, {now['model_flops'] / 1e9:,.1f} GFLOP/s of the model ({share})"
        )
