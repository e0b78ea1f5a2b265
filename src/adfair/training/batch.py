"""From the towers' outputs to what objectives see."""

from collections.abc import Sequence

from torch import Tensor

from adfair.data.loader import TrainData
from adfair.objectives.interface import Batch


def as_batch(outputs: Sequence[Tensor], data: TrainData, rows: Tensor, *, step: int) -> Batch:
    """One batch.

    Args:
        outputs: of open_clip's towers: ``image_emb``, ``text_emb``, ``logit_scale`` and, for SigLIP, ``logit_bias``.
        rows: int64 [B], the batch's positions in ``data``.
    """
    image_emb, text_emb, logit_scale, *bias = outputs
    device = image_emb.device
    return Batch(
        image_emb=image_emb,
        text_emb=text_emb,
        logit_scale=logit_scale,
        logit_bias=bias[0] if bias else None,
        codes={name: values[rows].to(device) for name, values in data.codes.items()},
        rows=rows,
        findings=data.findings[rows].to(device),
        weights=None if data.weights is None else data.weights[rows].to(device),
        step=step,
    )
