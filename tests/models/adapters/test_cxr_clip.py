"""The references are torchvision's ResNet, and transformers' Swin and BERT, put together by the authors' formulas."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms

from adfair.errors import ConfigError
from adfair.models.adapters.load import load_adapter

from .conftest import as_published, small_bert, small_resnet, small_swin, under, unit

TEXTS = ["No edema", "severe cardiomegaly, mild pleural effusion"]
IMAGENET, HALF = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), ((0.5,) * 3, (0.5,) * 3)


def pixels(film: Path, look: tuple) -> torch.Tensor:
    steps = [
        transforms.Resize(224),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(*look),
    ]
    return transforms.Compose(steps)(Image.open(film).convert("RGB"))[None]


@pytest.fixture(params=["swin", "resnet"])
def model(request, tmp_path: Path, shaken, vocabulary):
    """Image tower and projection, text tower and projection, the right and a wrong look, the checkpoint's path."""
    torch.manual_seed(4)
    text, to_text = shaken(small_bert()), nn.Linear(64, 16)
    if request.param == "swin":
        tower, to_image = shaken(small_swin()), nn.Linear(16, 16)
        state = under("image_encoder.image_encoder.", as_published(tower, tmp_path / "swin"))
        embed = lambda x: to_image(tower(x).last_hidden_state[:, 0])  # noqa: E731
        looks = (HALF, IMAGENET)
    else:
        tower, to_image = small_resnet(), nn.Linear(2048, 16)
        tower.fc = nn.Identity()
        state = under("image_encoder.resnet.", shaken(tower).state_dict())
        embed = lambda x: to_image(tower(x))  # noqa: E731
        looks = (IMAGENET, HALF)
    state |= under("text_encoder.text_encoder.", text.state_dict()) | {"logit_scale": torch.tensor(2.0)}
    state |= under("image_projection.projection.", to_image.state_dict())
    state |= under("text_projection.projection.", to_text.state_dict())
    config = {
        "model": {"text_encoder": {"pooling": "eos"}, "image_encoder": {"name": request.param}},
        "base": {"text_max_length": 256},
        "transform": {"test": {"Resize": {"size": 224}, "CenterCrop": {"size": 224}}},
    }
    vocabulary(tmp_path / "m" / "bert")
    path = tmp_path / "m" / f"{request.param}_mcc.tar"
    torch.save({"model": state, "config": config, "epoch": 15, "optimizer": {"state": {}}}, path)
    return embed, text, to_text, looks, path


def test_images_and_texts_as_by_the_authors(model, film: Path, image_of, text_of, hidden_of) -> None:
    embed, text, to_text, (right, wrong), path = model
    adapter = load_adapter("cxr_clip", path)
    with torch.inference_mode():
        ours = image_of(adapter)
        assert (ours - unit(embed(pixels(film, right)))[0]).abs().max() < 1e-5
        assert (ours - unit(embed(pixels(film, wrong)))[0]).abs().max() > 1e-3, "an audit in print did that"
        found = text_of(adapter, TEXTS)
        for i, sentence in enumerate(TEXTS):
            theirs = unit(to_text(hidden_of(text, sentence)[-1][:, -1]))[0]
            assert (found[i] - theirs).abs().max() < 1e-5
    assert adapter.logit_scale == pytest.approx(7.389056, rel=1e-6)


def test_a_pooling_that_is_not_known_is_refused(model, tmp_path: Path) -> None:
    found = torch.load(model[-1], weights_only=True)
    found["config"]["model"]["text_encoder"]["pooling"] = "max"
    torch.save(found, model[-1])
    with pytest.raises(ConfigError, match="pooling"):
        load_adapter("cxr_clip", model[-1])
