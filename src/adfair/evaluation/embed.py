"""Embeddings of images and texts by a dual encoder or any other encoder."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from adfair.data.cache import Images
from adfair.evaluation.precision import Precision, choose_dtype, lowered
from adfair.models.encoder import Encoder
from adfair.models.layers import Layer
from adfair.models.posthoc import unit_rows

PIXELS = 256 * 64 * 64
"""Most pixels of a batch: 256 films of 64 pixels as ever, 20 of 224; a CPU gains nothing from more."""


def batch_for(side: int) -> int:
    """Images a batch, by their side in pixels: 1 to 256."""
    return max(1, min(256, PIXELS // side**2))


@torch.inference_mode()
def embed_images(
    model: Encoder,
    images: Images,
    *,
    layer: Layer = "embedding",
    batch_size: int | None = None,
    precision: Precision = "fp32",
) -> np.ndarray:
    """Unit-norm embeddings [N, D] float32 of grey uint8 images [N, S, S]; the tower is put in evaluation mode.

    ``layer: pre_projection`` gives what the tower holds before its last projection instead, [N, C], not normalised.
    Embeddings pass through the model's post hoc correction where it has one.

    Args:
        batch_size: by the size of the images when absent.
        precision: of the weights, see ``evaluation.precision``.
    """
    dtype = choose_dtype(precision, model.net)

    def encode(batch: Tensor) -> Tensor:
        return model.encode_image(model.prepare(batch).to(dtype), layer=layer)

    with lowered(model.net, dtype):
        whole = _in_batches(model, images, encode, batch_size)
    if layer != "embedding":
        return whole
    if dtype != torch.float32:
        whole = unit_rows(whole)  # bfloat16 rounds a row's length too
    return whole if model.posthoc is None else model.posthoc.transform(whole)


@torch.inference_mode()
def score_classes(model: Encoder, images: Images, *, batch_size: int | None = None) -> np.ndarray:
    """Scores [N, K] float32 that a classifier gives its own ``classes``."""
    return _in_batches(model, images, lambda batch: model.class_scores(model.prepare(batch)), batch_size)


def _in_batches(
    model: Encoder, images: Images, encode: Callable[[Tensor], Tensor], batch_size: int | None
) -> np.ndarray:
    model.net.eval()
    device = next(model.net.parameters()).device
    size = batch_size or batch_for(images.shape[-1])
    parts = []
    for start in range(0, len(images), size):
        batch = torch.from_numpy(images[start : start + size]).to(device)
        parts.append(encode(batch).float().cpu().numpy())
    return np.concatenate(parts)


@torch.inference_mode()
def embed_texts(model: Encoder, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
    """Unit-norm embeddings [N, D] float32 of texts; the tower is put in evaluation mode."""
    model.net.eval()
    parts = [
        model.encode_text(texts[start : start + batch_size]).float().cpu().numpy()
        for start in range(0, len(texts), batch_size)
    ]
    return np.concatenate(parts)
