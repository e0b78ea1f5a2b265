"""Image towers whose shape is read from their weights: torchvision's ResNets and DenseNets, the Swin transformer."""

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torchvision.models import DenseNet
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from adfair.errors import ConfigError


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under a prefix, without it. Raises ConfigError where there are none."""
    found = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    if not found:
        raise ConfigError(f"no weights named {prefix}*: not a checkpoint of this model")
    return found


def shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    """Of one tensor. Raises ConfigError naming what is missing."""
    if name not in tensors:
        raise ConfigError(f"no weight '{name}': not a checkpoint of this model")
    return tuple(tensors[name].shape)


def count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """How many numbers occur in place of the one group of ``pattern``."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})


def resnet(tensors: Mapping[str, Tensor]) -> ResNet:
    """A ResNet of torchvision without its last layer."""
    blocks = [count(tensors, rf"layer{k}\.(\d+)\.conv1\.weight") for k in (1, 2, 3, 4)]
    width = shape(tensors, "layer1.0.conv1.weight")[0]
    deep = "layer1.0.conv3.weight" in tensors
    net = ResNet(Bottleneck if deep else BasicBlock, blocks, width_per_group=width if deep else 64)
    net.fc = nn.Identity()
    return net


def resnet_map(net: nn.Module, pixels: Tensor) -> Tensor:
    """[B, C, H, W], what a ResNet holds before it is averaged."""
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    for name in names:
        pixels = getattr(net, name)(pixels)
    return pixels


def densenet(tensors: Mapping[str, Tensor]) -> DenseNet:
    """A DenseNet of torchvision, for images of as many channels as its weights take."""
    first = shape(tensors, "features.conv0.weight")
    growth = shape(tensors, "features.denseblock1.denselayer1.conv2.weight")[0]
    inner = shape(tensors, "features.denseblock1.denselayer1.conv1.weight")[0]
    blocks = tuple(
        count(tensors, rf"features\.denseblock{k}\.denselayer(\d+)\.")
        for k in range(1, 1 + count(tensors, r"features\.denseblock(\d+)\."))
    )
    classes = shape(tensors, "classifier.weight")[0]
    net = DenseNet(growth, blocks, first[0], inner // growth, num_classes=classes)
    if first[1] != 3:
        net.features.conv0 = nn.Conv2d(first[1], first[0], 7, stride=2, padding=3, bias=False)
    return net


def swin(tensors: Mapping[str, Tensor]) -> nn.Module:
    """A Swin transformer of transformers, for 224 pixels."""
    from transformers import SwinConfig, SwinModel

    embed, _, patch, _ = shape(tensors, "embeddings.patch_embeddings.projection.weight")
    stages = count(tensors, r"encoder\.layers\.(\d+)\.")
    depths = [count(tensors, rf"encoder\.layers\.{s}\.blocks\.(\d+)\.") for s in range(stages)]
    tables = [
        next(t for n, t in tensors.items() if n.startswith(f"encoder.layers.{s}.") and n.endswith("_table"))
        for s in range(stages)
    ]
    config: dict[str, Any] = {
        "image_size": 224,
        "patch_size": patch,
        "embed_dim": embed,
        "depths": depths,
        "num_heads": [table.shape[1] for table in tables],
        "window_size": (math.isqrt(tables[0].shape[0]) + 1) // 2,
    }
    return SwinModel(SwinConfig(**config))


_SWIN_NAMES = (
    (r"attention\.self\.(query|key|value)\.", r"attention.\1_proj."),
    (r"attention\.(query|key|value)_proj\.", lambda found: f"attention.{found[1][0]}_proj."),
    (
        r"attention\.self\.relative_position_bias_table",
        "attention.relative_position_bias.relative_position_bias_table",
    ),
    (r"attention\.output\.dense\.", "attention.o_proj."),
    (r"intermediate\.dense\.", "mlp.fc1."),
    (r"(\.blocks\.\d+)\.output\.dense\.", r"\1.mlp.fc2."),
)


def swin_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's Swin weights under the names of the transformers that is installed: version 5 renamed them."""
    kept = {n: t for n, t in tensors.items() if not n.endswith("relative_position_index")}
    from transformers import SwinConfig, SwinModel

    tiny = SwinModel(
        SwinConfig(image_size=8, patch_size=4, embed_dim=2, depths=[1], num_heads=[1], window_size=2)
    )
    if any("attention.self.query" in name for name in tiny.state_dict()):
        return kept
    renamed = {}
    for name, tensor in kept.items():
        for old, new in _SWIN_NAMES:
            name = re.sub(old, new, name)
        renamed[name] = tensor
    return renamed
