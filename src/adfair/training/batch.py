"""From rows to what the towers see, and from their outputs to what objectives see."""

from collections.abc import Sequence

import torch
from torch import Tensor

from adfair.config import Config
from adfair.data.augment import augment
from adfair.data.loader import TrainData, batch_rows
from adfair.distributed import share
from adfair.objectives.interface import Batch


def my_share(
    data: TrainData, config: Config, *, step: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """A batch's rows [B], and of this process's share of them the grey images [S, H, W] and tokens [S, L]."""
    seed, size, drawn = config.seed, config.data.batch_size, data.probabilities
    rows = batch_rows(len(data), size, seed=seed, step=step, probabilities=drawn, shards=data.shards)
    part = share(len(rows))
    images, tokens = (
        data.images[rows[part]].to(device),
        data.texts(rows, seed=seed, step=step)[part].to(device),
    )
    images = augment(images, config.data.augment, seed=seed, step=step, part=part, of=len(rows))
    return rows, images, tokens


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
