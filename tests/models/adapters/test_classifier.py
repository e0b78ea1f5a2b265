"""The references are torchvision's and timm's own models and transforms."""

import json
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision import transforms

from adfair.errors import ConfigError
from adfair.models.adapters.load import load_adapter

from .conftest import unit

CLASSES = ["Edema", "Pneumonia", "Pleural Effusion"]


def write(folder: Path, net: nn.Module, told: dict) -> Path:
    save_file(net.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def scores_of(model, film: Path) -> torch.Tensor:
    from adfair.data.images import read_image

    pixels = model.prepare(torch.from_numpy(model.square(read_image(film)).copy())[None])
    with torch.inference_mode():
        return model.class_scores(pixels)[0]


@pytest.mark.parametrize(("name", "head"), [("shufflenet_v2_x0_5", "fc"), ("mnasnet0_5", "classifier.1")])
def test_torchvision(name: str, head: str, tmp_path: Path, film: Path, image_of) -> None:
    torch.manual_seed(9)
    net = torchvision.models.get_model(name, weights=None, num_classes=3).eval()
    model = load_adapter("torchvision", write(tmp_path, net, {"architecture": name, "label_names": CLASSES}))
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()]
    steps.append(transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pixels = transforms.Compose(steps)(Image.open(film).convert("RGB"))[None]
    seen: list[torch.Tensor] = []
    net.get_submodule(head).register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.inference_mode():
        assert (scores_of(model, film) - net(pixels).sigmoid()[0]).abs().max() < 1e-5
        net(pixels * 0.229 + 0.485)  # levels as they are
    ours = image_of(model)
    assert (ours - unit(seen[0])[0]).abs().max() < 1e-5
    assert (ours - unit(seen[1])[0]).abs().max() > 1e-3
    assert model.classes == tuple(CLASSES)
    with pytest.raises(ConfigError, match="no text tower"):
        model.encode_text(["Edema"])


@pytest.mark.parametrize("mode", ["center", "squash"])
def test_timm(mode: str, tmp_path: Path, film: Path, shaken, image_of) -> None:
    net = shaken(timm.create_model("test_resnet", num_classes=3))
    look = {"input_size": [3, 96, 96], "crop_pct": 0.9, "crop_mode": mode, "interpolation": "bicubic"}
    look |= {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    told = {"architecture": "test_resnet", "num_classes": 3, "label_names": CLASSES, "pretrained_cfg": look}
    model = load_adapter("timm", write(tmp_path, net, told))
    transform = timm.data.create_transform(**timm.data.resolve_data_config(look))
    pixels = transform(Image.open(film).convert("RGB"))[None]
    with torch.inference_mode():
        theirs = unit(net.forward_head(net.forward_features(pixels), pre_logits=True))[0]
        assert (image_of(model) - theirs).abs().max() < 1e-5
        assert (scores_of(model, film) - net(pixels).sigmoid()[0]).abs().max() < 1e-5
        usual = timm.data.create_transform(**timm.data.resolve_data_config({"input_size": (3, 96, 96)}))
        wrong = usual(Image.open(film).convert("RGB"))[None]
        assert (scores_of(model, film) - net(wrong).sigmoid()[0]).abs().max() > 1e-3, "ImageNet's look"
    (tmp_path / "config.json").write_text(json.dumps(told | {"label_names": ["Edema"]}))
    with pytest.raises(ConfigError, match="1 label_names for 3 classes"):
        load_adapter("timm", tmp_path)


def test_an_architecture_that_is_not_known_is_named(tmp_path: Path) -> None:
    for adapter in ("torchvision", "timm"):
        folder = write(tmp_path, nn.Linear(2, 2), {"architecture": "resnet5000"})
        with pytest.raises(ConfigError, match=f"{adapter} has no architecture 'resnet5000'"):
            load_adapter(adapter, folder)
        write(tmp_path, nn.Linear(2, 2), {})
        with pytest.raises(ConfigError, match="no architecture; see 'adfair models'"):
            load_adapter(adapter, folder)


@pytest.mark.parametrize(
    "how",
    [
        {"model_args": {"pretrained": True}},
        {"model_args": {"checkpoint_path": "other.pth"}},
        {"model_args": {"pretrained_cfg": {"hf_hub_id": "timm/test_resnet"}}},
        {"pretrained_cfg": {"input_size": [3, 100000, 100000]}},
    ],
    ids=str,
)
def test_settings_that_fetch_or_fill_the_memory_are_refused(how: dict, tmp_path: Path) -> None:
    net = timm.create_model("test_resnet", num_classes=3)
    folder = write(tmp_path, net, {"architecture": "test_resnet", "label_names": CLASSES, **how})
    with pytest.raises(ConfigError, match=r"weights are the folder's|expected 1 to 4096"):
        load_adapter("timm", folder)


def test_the_look_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    net = timm.create_model("test_resnet", num_classes=3)
    prints = {
        load_adapter(
            "timm",
            write(tmp_path, net, {"architecture": "test_resnet", "label_names": CLASSES, "mean": mean}),
        ).fingerprint
        for mean in ([0.5] * 3, [0.4] * 3)
    }
    assert len(prints) == 2
