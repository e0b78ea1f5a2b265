"""No fairness term: plain CLIP."""

from torch import Tensor

from adfair.objectives.interface import Batch, Pairing


class NoTerm:
    """Adds nothing."""

    adversary = optimizer = None
    diagnostics: dict[str, dict[str, float]] = {}  # noqa: RUF012 - never written

    def weight(self, step: int) -> float:
        """Zero."""
        return 0.0

    def state(self) -> dict[str, Tensor]:
        """Nothing that a checkpoint must hold besides the adversary."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""

    def fit(self, batch: Batch) -> None:
        """Nothing to train."""

    def penalty(self, batch: Batch, pairing: Pairing, weight: float) -> Tensor:
        """Zero."""
        return batch.image_emb.new_zeros(())

    def finish(self) -> None:
        """Nothing to update."""
