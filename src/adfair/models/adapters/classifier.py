"""Image classifiers: features for probes and leakage, and the scores of their own classes for audits.

torchvision and timm models come as a folder with weights and ``config.json``, which names ``architecture``, the
classes in order (``label_names``) and how films are prepared: for torchvision ``resize``, ``crop``,
``interpolation``, ``mean`` and ``std`` (its ImageNet recipe where silent), for timm the ``pretrained_cfg`` of its own folders.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import floor
from pathlib import Path
from typing import Any

import torchvision
from torch import Tensor, nn

from adfair.errors import ConfigError
from adfair.models.adapters.adapter import IMAGENET, Adapter, Towers, check_side, scaled
from adfair.models.adapters.bert import settings
from adfair.models.encoder import Square
from adfair.models.pixels import centre_crop, shortest_then_crop, squash
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

FILES = ("model.safetensors", "*.safetensors", "pytorch_model.bin", "*.pt", "*.pth")
FILTERS = {"bilinear": 2, "bicubic": 3}
FACTORY = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir")
"""Arguments of timm's that fetch or open other weights than those of the folder."""


class Classifier(Towers):
    """A network parted before its last linear layer."""

    def __init__(self, net: nn.Module, head: nn.Module, features: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.head, self._features = net, head, features

    def features(self, pixels: Tensor) -> Tensor:
        """What the last linear layer takes."""
        return self._features(self.net, pixels)

    def logits(self, features: Tensor) -> Tensor:
        """What it makes of it."""
        return self.head(features)


def load_torchvision(path: Path) -> Adapter:
    """Read a torchvision classifier. Raises ConfigError."""
    folder, told, file, tensors = _read(path)
    name, classes = told["architecture"], tuple(told.get("label_names", ()))
    if name not in torchvision.models.list_models(torchvision.models):
        raise ConfigError(f"{folder / 'config.json'}: torchvision has no architecture '{name}'")
    build = partial(torchvision.models.get_model, name, weights=None, num_classes=len(classes))
    net = fit(build, tensors, path=file)
    place = [n for n, module in net.named_modules() if isinstance(module, nn.Linear)][-1]
    head = net.get_submodule(place)
    net.set_submodule(place, nn.Identity())
    resize, crop = (check_side(told.get(k, usual), folder) for k, usual in (("resize", 256), ("crop", 224)))
    how = _filter(told.get("interpolation", "bilinear"), folder)
    square = partial(shortest_then_crop, resize=resize, crop=crop, how=how)
    look = scaled(told.get("mean", IMAGENET[0]), told.get("std", IMAGENET[1]))
    towers = Classifier(net, head, lambda net, pixels: net(pixels))
    print_ = fingerprint(file, folder / "config.json")
    return Adapter("torchvision", towers, square, look, crop, print_, classes=classes)


def load_timm(path: Path) -> Adapter:
    """Read a timm folder. Raises ConfigError."""
    import timm

    folder, told, file, tensors = _read(path)
    name, classes = told["architecture"], tuple(told.get("label_names", ()))
    if not timm.is_model(name):
        raise ConfigError(f"{folder / 'config.json'}: timm has no architecture '{name}'")
    number = int(told.get("num_classes", len(classes)))
    if classes and len(classes) != number:
        raise ConfigError(f"{folder / 'config.json'}: {len(classes)} label_names for {number} classes")
    further = told.get("model_args", {})
    stray = [key for key in FACTORY if key in further]
    if stray:
        raise ConfigError(
            f"{folder / 'config.json'}: model_args '{stray[0]}' is refused: weights are the folder's"
        )
    build = partial(timm.create_model, name, num_classes=number, **further)
    net = fit(build, tensors, path=file)
    square, size, look = _timm_preprocessing(told.get("pretrained_cfg", told), folder)

    def features(net: Any, pixels: Tensor) -> Tensor:
        return net.forward_head(net.forward_features(pixels), pre_logits=True)

    towers = Classifier(net, net.get_classifier(), features)
    print_ = fingerprint(file, folder / "config.json")
    return Adapter("timm", towers, square, look, size, print_, classes=classes)


def _timm_preprocessing(told: dict[str, Any], folder: Path) -> tuple[Square, int, Callable[[Tensor], Tensor]]:
    size = check_side(told.get("input_size", (3, 224, 224))[-1], folder)
    resize, how = (
        floor(size / told.get("crop_pct", 0.875)),
        _filter(told.get("interpolation", "bicubic"), folder),
    )
    look = scaled(told.get("mean", IMAGENET[0]), told.get("std", IMAGENET[1]))
    mode = told.get("crop_mode", "center")
    if mode == "center":
        return partial(shortest_then_crop, resize=resize, crop=size, how=how), size, look
    if mode == "squash":
        return lambda image: centre_crop(squash(image, size=resize, how=how), size), size, look
    raise ConfigError(f"{folder / 'config.json'}: crop_mode '{mode}' is not supported")


def _filter(name: str, folder: Path) -> int:
    if name not in FILTERS:
        raise ConfigError(
            f"{folder / 'config.json'}: interpolation '{name}'; expected {' or '.join(FILTERS)}"
        )
    return FILTERS[name]


def _read(path: Path) -> tuple[Path, dict[str, Any], Path, dict[str, Tensor]]:
    folder = path if path.is_dir() else path.parent
    told, file = settings(folder / "config.json"), find_file(path, FILES, what="weights")
    if not isinstance(told.get("architecture"), str):
        raise ConfigError(f"{folder / 'config.json'}: no architecture; see 'adfair models'")
    checkpoint = read_checkpoint(file)
    wrapped = isinstance(checkpoint.tree, dict) and "state_dict" in checkpoint.tree
    return folder, told, file, checkpoint.tensors(*(("state_dict",) if wrapped else ()))


def check_classes(classes: Sequence[str], number: int, file: Path) -> tuple[str, ...]:
    """Names for as many classes as the weights have. Raises ConfigError."""
    if len(classes) != number:
        raise ConfigError(f"{file}: {number} classes; name them in config.json, label_names, in order")
    return tuple(classes)
