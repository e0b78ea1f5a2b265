"""GLoRIA, its global branch. Source: Huang et al. 2021, github.com/marshuang80/gloria."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from adfair.errors import ConfigError
from adfair.models.adapters.adapter import HALF, IMAGENET, Adapter, Towers, scaled
from adfair.models.adapters.bert import POOLER, bert, pooled, text_files, text_folder, wordpiece
from adfair.models.adapters.foreign import LIGHTNING, OMEGACONF, setting
from adfair.models.adapters.towers import part, resnet, resnet_map, shape
from adfair.models.pixels import area_then_pad, centre_crop
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

INSIDE = 299
"""Pixels a side that the network enlarges every image to."""


class GLoRIA(Towers):
    """Named as the checkpoint's weights are; the local branch is not built."""

    def __init__(self, tensors: Mapping[str, Tensor], folder: Path, *, layers: int, tokens: int) -> None:
        super().__init__()
        to, width = shape(tensors, "img_encoder.global_embedder.weight")
        image, text = part(tensors, "img_encoder.model."), part(tensors, "text_encoder.model.")
        self.img_encoder = nn.ModuleDict({"model": resnet(image), "global_embedder": nn.Linear(width, to)})
        self.text_encoder = nn.ModuleDict({"model": bert(text, folder)})
        self.layers, self.tokenize = layers, wordpiece(folder, max_length=tokens)

    def features(self, pixels: Tensor) -> Tensor:
        """Mean over the ResNet's map of the enlarged image."""
        large = interpolate(pixels, size=(INSIDE, INSIDE), mode="bilinear", align_corners=True)
        return resnet_map(self.img_encoder["model"], large).mean((2, 3))

    def project(self, features: Tensor) -> Tensor:
        """By the global embedder."""
        return self.img_encoder["global_embedder"](features)

    def text(self, texts: Sequence[str]) -> Tensor:
        """Sum of the last layers over all words.

        The authors add word pieces to words, average words and sum layers; up to its length, which is not kept,
        that average is the sum over all tokens from [CLS] to [SEP].
        """
        tokens = self.tokenize([clean(text) for text in texts])

        def pool(hidden: tuple[Tensor, ...]) -> Tensor:
            return torch.stack(hidden[-self.layers :]).sum((0, 2))

        return pooled(self.text_encoder["model"], tokens, pool)


def clean(text: str) -> str:
    """Lower-case words, sentences of one word left out as the authors do; but a text of nothing else is kept.

    The exception is ours: ``Edema.`` would be read as no text at all.
    """
    sentences = [s for part in re.split(r"[0-9]+\.", text.replace("\n", " ")) for s in part.split(".")]
    words = [re.findall(r"\w+", s.replace("\ufffd\ufffd", " ").lower()) for s in sentences]
    kept = [w for w in words if len(w) > 1] or words
    plain = [word.encode("ascii", "ignore").decode() for sentence in kept for word in sentence]
    return " ".join(word for word in plain if word)


def load(path: Path) -> Adapter:
    """Read a ``.ckpt`` of GLoRIA. Raises ConfigError."""
    file = find_file(path, ("*.safetensors", "*.ckpt"), what="GLoRIA checkpoint")
    folder, found = text_folder(file), read_checkpoint(file, extra=(*OMEGACONF, *LIGHTNING))
    plain = file.suffix == ".safetensors"
    tensors = {
        n.split("gloria.")[-1]: t for n, t in found.tensors(*(() if plain else ("state_dict",))).items()
    }
    told = partial(setting, found.tree.get("hyper_parameters") if isinstance(found.tree, dict) else None)
    _supported(file, told)
    size, crop = told("data.image.imsize", 256), told("transforms.random_crop.crop_size", 224)
    make = partial(
        GLoRIA,
        tensors,
        folder,
        layers=told("model.text.last_n_layers", 4),
        tokens=told("data.text.word_num", 97),
    )
    net = fit(make, tensors, path=file, ignore=(*POOLER, "img_encoder.local_embedder.*"))

    def square(image: np.ndarray) -> np.ndarray:
        return centre_crop(area_then_pad(image, size=size), crop)

    look = scaled(*(IMAGENET if told("transforms.norm", "half") == "imagenet" else HALF))
    print_ = fingerprint(file, *text_files(folder))
    return Adapter("gloria", net, square, look, crop, print_, protocol="gloria")


def _supported(file: Path, told: Any) -> None:
    """Refuse what this adapter would get silently wrong."""
    known: dict[str, tuple[Any, ...]] = {
        "model.text.aggregate_method": ("sum", "mean"),
        "model.text.agg_tokens": (True,),
    }
    for key, values in known.items():
        if told(key, values[0]) not in values:
            raise ConfigError(f"{file}: trained with {key}={told(key)}; only {values[0]} is known")
    numbers = {
        "data.image.imsize": 256,
        "transforms.random_crop.crop_size": 224,
        "model.text.last_n_layers": 4,
    }
    for key, usual in {**numbers, "data.text.word_num": 97}.items():
        if type(told(key, usual)) is not int or not 1 < told(key, usual) <= 4096:
            raise ConfigError(f"{file}: {key} is not a whole number from 2 to 4096")
