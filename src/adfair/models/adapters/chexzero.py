"""CheXzero: OpenAI's CLIP trained on MIMIC-CXR. Source: Tiu et al. 2022, github.com/rajpurkarlab/CheXzero."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from adfair.models.adapters.towers import count, shape
from adfair.models.dual_encoder import DualEncoder
from adfair.models.pixels import as_channels, longest_then_pad
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

PADDED, MEAN, STD = 320, 101.48761, 83.43944
"""Side that films are stored at, and statistics of levels 0 to 255; not CLIP's mean and spread."""


@dataclass(frozen=True)
class CheXzero(DualEncoder):
    """Fed as its authors did: normalised at 320 pixels, then reduced."""

    def prepare(self, images: Tensor) -> Tensor:
        """[B, 320, 320] -> [B, 3, S, S]. Reduced without antialiasing, as torchvision 0.11 did with tensors."""
        grey = ((images.to(torch.float32) - MEAN) / STD)[:, None]
        side = self.config["vision_cfg"]["image_size"]
        if side != grey.shape[-1]:
            grey = interpolate(grey, size=(side, side), mode="bicubic", align_corners=False)
        return as_channels(grey[:, 0])


def load(path: Path) -> DualEncoder:
    """Read a ``.pt`` of CheXzero. Raises ConfigError."""
    file = find_file(path, ("*.safetensors", "*.pt"), what="CheXzero checkpoint")
    tensors = read_checkpoint(file).tensors()
    config = layout(tensors)
    net = fit(lambda: open_clip.CLIP(**config), tensors, path=file)
    tokenize = open_clip.SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    model = CheXzero(net, tokenize, config, (0.0,), (1.0,), PADDED)
    square = partial(longest_then_pad, size=PADDED)
    return replace(model, square=square, name="chexzero", protocol="chexzero", fingerprint=fingerprint(file))


def layout(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """open_clip's configuration of weights under OpenAI's names: sizes from shapes, heads of 64, QuickGELU."""
    width, _, patch, _ = shape(tensors, "visual.conv1.weight")
    positions = shape(tensors, "visual.positional_embedding")[0]
    context, text_width = shape(tensors, "positional_embedding")
    return {
        "embed_dim": shape(tensors, "text_projection")[1],
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": patch * round((positions - 1) ** 0.5),
            "layers": count(tensors, r"visual\.transformer\.resblocks\.(\d+)\."),
            "width": width,
            "patch_size": patch,
        },
        "text_cfg": {
            "context_length": context,
            "vocab_size": shape(tensors, "token_embedding.weight")[0],
            "width": text_width,
            "heads": max(1, text_width // 64),
            "layers": count(tensors, r"transformer\.resblocks\.(\d+)\."),
        },
    }
