"""BioViL and BioViL-T, one image. Source: Boecking et al. 2022, Bannur et al. 2023, hi-ml-multimodal."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from adfair.models.adapters.adapter import Adapter, Towers
from adfair.models.adapters.bert import POOLER, bert, pooled, text_files, text_folder, wordpiece
from adfair.models.adapters.towers import part, resnet, resnet_map, shape
from adfair.models.pixels import BILINEAR, as_channels, shortest_then_crop
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

RESIZED, CROP, CROP_T, TOKENS = 512, 480, 448, 512
IMAGE_FILES = ("biovil*image*.safetensors", "biovil*image*.pt", "*.pt")
TEXT_FILES = ("model.safetensors", "pytorch_model.bin")
UNUSED = ("cls.predictions.*", "encoder.encoder.fc.*", "encoder.vit_pooler.*", "classifier.*")
"""The masked-word head, the ResNet's ImageNet head, and what compares with a previous image."""


class TextHead(nn.Module):
    """From [CLS] into the joint space."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        to, width = shape(tensors, "dense_to_hidden.weight")
        self.dense_to_hidden, self.dense_to_output = nn.Linear(width, to), nn.Linear(to, to)
        self.LayerNorm = nn.LayerNorm(to, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C] -> [N, D]."""
        return self.dense_to_output(self.LayerNorm(nn.functional.gelu(self.dense_to_hidden(x))))


class BioViL(Towers):
    """Named as the two checkpoints' weights are, image and text together."""

    def __init__(self, tensors: Mapping[str, Tensor], folder: Path) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"encoder": resnet(part(tensors, "encoder.encoder."))})
        self.temporal = "encoder.missing_previous_emb" in tensors
        if self.temporal:
            to, width = shape(tensors, "encoder.backbone_to_vit.weight")[:2]
            self.encoder["backbone_to_vit"] = nn.Conv2d(width, to, 1, bias=False)
            self.encoder.register_parameter("missing_previous_emb", nn.Parameter(torch.zeros(1, to, 1, 1)))
        hidden, width = shape(tensors, "projector.model.0.weight")[:2]
        joint = shape(tensors, "projector.model.3.weight")[0]
        layers = (
            nn.Conv2d(width, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, joint, 1),
        )
        self.projector = nn.ModuleDict({"model": nn.Sequential(*layers)})
        self.bert = bert(part(tensors, "bert."), folder)
        self.cls_projection_head = TextHead(part(tensors, "cls_projection_head."))
        self.tokenize = wordpiece(folder, max_length=TOKENS)

    def features(self, pixels: Tensor) -> Tensor:
        """The map [B, C, H, W]; BioViL-T's has beside it the embedding that stands for no previous image."""
        found = resnet_map(self.encoder["encoder"], pixels)
        if not self.temporal:
            return found
        current = self.encoder["backbone_to_vit"](found)
        missing: Tensor = self.encoder.missing_previous_emb  # type: ignore[assignment]
        return torch.cat([current, missing.expand_as(current)], dim=1)

    def project(self, features: Tensor) -> Tensor:
        """Each place by the projector, then their mean."""
        return self.projector["model"](features).mean((2, 3))

    def text(self, texts: Sequence[str]) -> Tensor:
        """[CLS] of the last layer through its head."""
        return self.cls_projection_head(
            pooled(self.bert, self.tokenize(texts), lambda hidden: hidden[-1][:, 0])
        )


def square(image: np.ndarray, *, crop: int) -> np.ndarray:
    """Levels stretched to 0 to 255, shorter side to 512 bilinear, central square."""
    levels = image.astype(float) - image.min()
    stretched = (levels / max(levels.max(), 1) * 255).astype(np.uint8)
    return shortest_then_crop(stretched, resize=RESIZED, crop=crop, how=BILINEAR)


def load(path: Path) -> Adapter:
    """Read a folder with the image tower's ``.pt`` and the text tower of the hub's folder. Raises ConfigError."""
    image = find_file(path, IMAGE_FILES, what="BioViL image tower")
    text = find_file(image.parent, TEXT_FILES, what="BioViL text tower")
    folder = text_folder(image)
    tensors = read_checkpoint(image).tensors() | read_checkpoint(text).tensors()
    net = fit(partial(BioViL, tensors, folder), tensors, path=image, ignore=(*POOLER, *UNUSED))
    crop = CROP_T if net.temporal else CROP
    name = "biovil_t" if net.temporal else "biovil"

    def look(grey: Tensor) -> Tensor:
        return as_channels(grey / 255.0)  # neither mean nor spread

    print_ = fingerprint(image, text, *text_files(folder))
    return Adapter(name, net, partial(square, crop=crop), look, crop, print_, protocol="biovil")
