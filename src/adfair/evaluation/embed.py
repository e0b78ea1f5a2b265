"""Embeddings of images and texts by a dual encoder."""

from collections.abc import Sequence

import numpy as np
import torch

from adfair.data.cache import Images
from adfair.models.dual_encoder import DualEncoder
from adfair.models.layers import Layer, read_layer


@torch.inference_mode()
def embed_images(
    model: DualEncoder, images: Images, *, layer: Layer = "embedding", batch_size: int = 256
) -> np.ndarray:
    """Unit-norm embeddings [N, D] float32 of grey uint8 images [N, S, S]; the tower is put in evaluation mode.

    ``layer: pre_projection`` gives what the tower holds before its last projection instead, [N, C], not normalised.
    Embeddings pass through the model's post hoc correction where it has one.
    """
    model.net.eval()
    device = next(model.net.parameters()).device
    parts = []
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(images[start : start + batch_size]).to(device)
        parts.append(read_layer(model.net, model.prepare(batch), layer).float().cpu().numpy())
    whole = np.concatenate(parts)
    if layer != "embedding" or model.posthoc is None:
        return whole
    return model.posthoc.transform(whole)


@torch.inference_mode()
def embed_texts(model: DualEncoder, texts: Sequence[str], *, batch_size: int = 256) -> np.ndarray:
    """Unit-norm embeddings [N, D] float32 of texts; the tower is put in evaluation mode."""
    model.net.eval()
    device = next(model.net.parameters()).device
    parts = []
    for start in range(0, len(texts), batch_size):
        tokens = model.tokenize(list(texts[start : start + batch_size])).to(device)
        emb = model.net.encode_text(tokens, normalize=True)  # type: ignore[operator]
        parts.append(emb.float().cpu().numpy())
    return np.concatenate(parts)
