"""FairCLIP+: FairCLIP over several attributes at once, each with a weight of its own."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from adfair.errors import ConfigError
from adfair.objectives.fairclip import group_transport
from adfair.objectives.interface import Batch
from adfair.objectives.term import DistanceTerm, group_codes

WEIGHT = 0.1
"""``fairclip.EXACT_WEIGHT`` at a logit scale of 10, about that of the small towers; our choice."""


class FairClipPlus(DistanceTerm):
    """The fairness term ``fairclip_plus``: a weighted sum over attributes of transport between pair logits.

    The score of a pair is its logit, as in the paper's aligned code; transport is exact and in-batch, as in
    ``FairClipExact``. The temperature gets no gradient (our choice: a colder model would look fairer).

    Args:
        attributes: the sensitive attributes.
        attribute_weights: what each weighs, not negative; by default they share 1 equally.

    Raises:
        ConfigError: the weights are not those of the attributes, one is negative, or all are 0.

    Source: Bakker et al. 2025, "On the Reproducibility of FairCLIP" (arXiv 2509.06535), section on FairCLIP+.
    """

    def __init__(
        self,
        attributes: Sequence[str],
        *,
        weight: float = WEIGHT,
        attribute_weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(weight=weight)
        if attribute_weights is None:
            attribute_weights = dict.fromkeys(attributes, 1 / len(attributes))
        values = attribute_weights.values()
        if set(attribute_weights) != set(attributes) or min(values) < 0 or sum(values) == 0:
            raise ConfigError(
                f"fairclip_plus: attribute weights {dict(attribute_weights)} must name exactly "
                f"{', '.join(attributes)}, none negative and not all 0"
            )
        self.attribute_weights = attribute_weights

    def shares(self, batch: Batch) -> Mapping[str, float]:
        """The attribute weights."""
        return self.attribute_weights

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """Summed transport cost of the groups' pair logits, in squared logits."""
        logits = batch.logit_scale.detach() * (batch.image_emb * batch.text_emb).sum(dim=1)
        return group_transport(logits, group_codes(batch.codes, attribute))
