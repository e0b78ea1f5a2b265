"""CXR-CLIP, ResNet and Swin. Source: You et al. 2023, github.com/kakaobrain/cxr-clip."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from adfair.errors import ConfigError
from adfair.models.adapters.adapter import HALF, IMAGENET, Adapter, Towers, scaled
from adfair.models.adapters.bert import POOLER, bert, pooled, text_files, text_folder, wordpiece
from adfair.models.adapters.foreign import OMEGACONF, setting
from adfair.models.adapters.towers import part, resnet, resnet_map, shape, swin, swin_tensors
from adfair.models.pixels import BILINEAR, shortest_then_crop
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

SWIN = "image_encoder.image_encoder."
POOLS = {"eos": lambda last: last[:, -1], "bos": lambda last: last[:, 0], "mean": lambda last: last.mean(1)}
"""By the authors' names; no text is padded here, so the last token is [SEP]."""


class Head(nn.Module):
    """The authors' projections: one layer, or with ``fc`` a residual layer and a norm after it."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        to, width = shape(tensors, "projection.weight")
        self.projection = nn.Linear(width, to)
        self.deep = "fc.weight" in tensors
        if self.deep:
            self.fc, self.layer_norm = nn.Linear(to, to), nn.LayerNorm(to)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C] -> [B, D]."""
        x = self.projection(x)
        return self.layer_norm(self.fc(nn.functional.gelu(x)) + x) if self.deep else x


class CXRCLIP(Towers):
    """Named as the checkpoint's weights are."""

    def __init__(self, tensors: Mapping[str, Tensor], folder: Path, *, pool: str, tokens: int) -> None:
        super().__init__()
        self.swin = any(name.startswith(SWIN) for name in tensors)
        self.image_encoder = nn.ModuleDict(
            {"image_encoder": swin(part(tensors, SWIN))}
            if self.swin
            else {"resnet": resnet(part(tensors, "image_encoder.resnet."))}
        )
        text = part(tensors, "text_encoder.text_encoder.")
        self.text_encoder = nn.ModuleDict({"text_encoder": bert(text, folder)})
        self.image_projection = Head(part(tensors, "image_projection."))
        self.text_projection = Head(part(tensors, "text_projection."))
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.pool, self.tokenize = POOLS[pool], wordpiece(folder, max_length=tokens)

    def features(self, pixels: Tensor) -> Tensor:
        """The Swin's first token (the authors do not average), or the mean over the ResNet's map."""
        if self.swin:
            return self.image_encoder["image_encoder"](pixel_values=pixels).last_hidden_state[:, 0]
        return resnet_map(self.image_encoder["resnet"], pixels).mean((2, 3))

    def project(self, features: Tensor) -> Tensor:
        """By the image projection."""
        return self.image_projection(features)

    def text(self, texts: Sequence[str]) -> Tensor:
        """The last token, as a rule, then the text projection."""
        tower = self.text_encoder["text_encoder"]
        return self.text_projection(pooled(tower, self.tokenize(texts), lambda hidden: self.pool(hidden[-1])))


def load(path: Path) -> Adapter:
    """Read a ``.tar`` of CXR-CLIP. Raises ConfigError."""
    file = find_file(path, ("*.safetensors", "*.tar"), what="CXR-CLIP checkpoint")
    folder, found = text_folder(file), read_checkpoint(file, extra=OMEGACONF)
    plain = file.suffix == ".safetensors"
    tensors = found.tensors(*(() if plain else ("model",)))
    told = partial(setting, found.tree.get("config") if isinstance(found.tree, dict) else None)
    pool, tokens = told("model.text_encoder.pooling", "eos"), told("base.text_max_length", 256)
    size = told("transform.test.Resize.size", 224)
    if pool not in POOLS or not all(type(n) is int and 2 <= n <= 4096 for n in (tokens, size)):
        raise ConfigError(f"{file}: its config's pooling, text_max_length or image size is not known")
    if any(name.startswith(SWIN) for name in tensors):
        renamed = {SWIN + n: t for n, t in swin_tensors(part(tensors, SWIN)).items()}
        tensors = {n: t for n, t in tensors.items() if not n.startswith(SWIN)} | renamed
    net = fit(partial(CXRCLIP, tensors, folder, pool=pool, tokens=tokens), tensors, path=file, ignore=POOLER)
    square = partial(shortest_then_crop, resize=size, crop=size, how=BILINEAR)
    look = scaled(*(HALF if net.swin else IMAGENET))
    scale = float(net.logit_scale.exp())
    print_ = fingerprint(file, *text_files(folder))
    return Adapter("cxr_clip", net, square, look, size, print_, protocol="cxr_clip", logit_scale=scale)
