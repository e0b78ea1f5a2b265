"""MedCLIP, Swin and ResNet. Source: Wang et al. 2022, github.com/RyanWangZf/MedCLIP."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from adfair.models.adapters.adapter import Adapter, Towers, scaled
from adfair.models.adapters.bert import POOLER, bert, pooled, text_files, text_folder, wordpiece
from adfair.models.adapters.towers import part, resnet, resnet_map, shape, swin, swin_tensors
from adfair.models.pixels import BILINEAR, pad_square, squash
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

SIZE, TOKENS = 224, 77
MEAN, STD = 0.5862785803043838, 0.27950088968644304
LARGEST_SCALE = 4.6052
"""Of the logarithm of the scale, which the authors clamp whenever they use it."""


class MedCLIP(Towers):
    """Named as the checkpoint's weights are."""

    def __init__(self, tensors: Mapping[str, Tensor], folder: Path) -> None:
        super().__init__()
        image, text = part(tensors, "vision_model.model."), part(tensors, "text_model.model.")
        self.swin = "vision_model.projection_head.weight" in tensors
        tower: Any = swin(image) if self.swin else resnet(image)
        to, width = shape(tensors, "text_model.projection_head.weight")
        name = "vision_model.projection_head.weight" if self.swin else "vision_model.model.fc.weight"
        joint, wide = shape(tensors, name)
        head = nn.Linear(wide, joint, bias=False)
        if self.swin:
            self.vision_model = nn.ModuleDict({"model": tower, "projection_head": head})
        else:
            tower.fc = head
            self.vision_model = nn.ModuleDict({"model": tower})
        self.text_model = nn.ModuleDict(
            {"model": bert(text, folder), "projection_head": nn.Linear(width, to, bias=False)}
        )
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.tokenize = wordpiece(folder, max_length=TOKENS)

    def features(self, pixels: Tensor) -> Tensor:
        """Mean over the Swin's tokens, or over the ResNet's map."""
        tower: Any = self.vision_model["model"]
        if self.swin:
            return tower(pixel_values=pixels).pooler_output
        return resnet_map(tower, pixels).mean((2, 3))

    def project(self, features: Tensor) -> Tensor:
        """By the head, which a ResNet keeps in place of its last layer."""
        tower: Any = self.vision_model["model"]
        return (self.vision_model["projection_head"] if self.swin else tower.fc)(features)

    def text(self, texts: Sequence[str]) -> Tensor:
        """Mean over tokens of layers 1, 2 and the last, then over the three.

        The authors' mean takes in the padding of whatever texts share a batch; here no text is padded.
        """

        def pool(hidden: tuple[Tensor, ...]) -> Tensor:
            return torch.stack([hidden[1].mean(1), hidden[2].mean(1), hidden[-1].mean(1)]).mean(0)

        return self.text_model["projection_head"](
            pooled(self.text_model["model"], self.tokenize(texts), pool)
        )


def square(image: np.ndarray) -> np.ndarray:
    """Padded with black, then to 224 pixels: the path of the authors' evaluation, bilinear.

    Their separate feature extractor is bicubic; figures in the paper come from the evaluation script (our choice).
    """
    return squash(pad_square(image, smallest=SIZE), size=SIZE, how=BILINEAR)


def load(path: Path) -> Adapter:
    """Read a ``pytorch_model.bin`` of MedCLIP. Raises ConfigError."""
    file = find_file(path, ("*.safetensors", "pytorch_model.bin", "*.bin"), what="MedCLIP checkpoint")
    folder, tensors = text_folder(file), read_checkpoint(file).tensors()
    prefix = "vision_model.model."
    if "vision_model.projection_head.weight" in tensors:
        renamed = {prefix + n: t for n, t in swin_tensors(part(tensors, prefix)).items()}
        tensors = {n: t for n, t in tensors.items() if not n.startswith(prefix)} | renamed
    net = fit(partial(MedCLIP, tensors, folder), tensors, path=file, ignore=POOLER)
    scale = float(net.logit_scale.clamp(0, LARGEST_SCALE).exp())
    look = scaled((MEAN,) * 3, (STD,) * 3)
    print_ = fingerprint(file, *text_files(folder))
    return Adapter("medclip", net, square, look, SIZE, print_, protocol="medclip", logit_scale=scale)
