"""No fairness term: plain CLIP."""

from collections.abc import Mapping

from torch import Tensor


class NoTerm:
    """Adds nothing. The interface that every fairness term has: fit, penalty, finish, diagnostics."""

    adversary = None
    diagnostics: dict[str, dict[str, float]] = {}  # noqa: RUF012 - never written

    def fit(self, image_emb: Tensor, text_emb: Tensor, codes: Mapping[str, Tensor]) -> None:
        """Nothing to train."""

    def penalty(
        self, image_emb: Tensor, text_emb: Tensor, codes: Mapping[str, Tensor], weight: float
    ) -> Tensor:
        """Zero."""
        return image_emb.new_zeros(())

    def finish(self) -> None:
        """Nothing to update."""
