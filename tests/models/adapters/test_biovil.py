"""The references are torchvision's ResNet and transformers' BERT; projections are written out from the papers' code."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import batch_norm, conv2d, gelu, layer_norm, linear
from torchvision import transforms

from adfair.models.adapters.load import load_adapter

from .conftest import small_bert, small_resnet, under, unit

TEXTS = ["There is no edema", "severe cardiomegaly, mild pleural effusion."]


def pixels(film: Path, crop: int, *, stretch: bool = True) -> torch.Tensor:
    levels = np.asarray(Image.open(film)).astype(float)
    if stretch:
        levels -= levels.min()
        levels = levels / levels.max() * 255
    steps = [transforms.Resize(512), transforms.CenterCrop(crop), transforms.ToTensor()]
    return transforms.Compose(steps)(Image.fromarray(levels.astype(np.uint8))).repeat(3, 1, 1)[None]


@pytest.fixture(params=["biovil", "biovil_t"])
def model(request, tmp_path: Path, shaken, vocabulary):
    """Image tower, image weights, text tower, text weights, the folder of the hub."""
    generator = torch.Generator().manual_seed(5)
    random = lambda *size: torch.randn(*size, generator=generator) * 0.2  # noqa: E731
    tower, text = shaken(small_resnet()), shaken(small_bert())
    width = 2048 if request.param == "biovil" else 24
    image = under("encoder.encoder.", tower.state_dict()) | {
        "projector.model.0.weight": random(12, width, 1, 1),
        "projector.model.1.weight": random(12),
        "projector.model.1.bias": random(12),
        "projector.model.1.running_mean": random(12),
        "projector.model.1.running_var": random(12).abs() + 0.5,
        "projector.model.1.num_batches_tracked": torch.tensor(7),
        "projector.model.3.weight": random(10, 12, 1, 1),
        "projector.model.3.bias": random(10),
    }
    if request.param == "biovil_t":
        image |= {
            "encoder.backbone_to_vit.weight": random(12, 2048, 1, 1),
            "encoder.missing_previous_emb": random(1, 12, 1, 1),
            "encoder.vit_pooler.type_embed": random(2, 1, 12),
        }
    head = {
        "dense_to_hidden.weight": random(10, 64),
        "dense_to_hidden.bias": random(10),
        "LayerNorm.weight": random(10),
        "LayerNorm.bias": random(10),
        "dense_to_output.weight": random(10, 10),
        "dense_to_output.bias": random(10),
    }
    words = under("bert.", text.state_dict()) | under("cls_projection_head.", head)
    vocabulary(tmp_path)
    torch.save(image, tmp_path / f"{request.param}_image_model_proj_size_128.pt")
    torch.save(words | {"cls.predictions.bias": random(17)}, tmp_path / "pytorch_model.bin")
    return request.param, tower, image, text, head, tmp_path


def projected(found: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    w = {name.removeprefix("projector.model."): tensor for name, tensor in weights.items()}
    x = conv2d(found, w["0.weight"])
    x = batch_norm(x, w["1.running_mean"], w["1.running_var"], w["1.weight"], w["1.bias"]).relu()
    return conv2d(x, w["3.weight"], w["3.bias"]).mean((2, 3))


def test_images_and_texts_as_by_the_authors(model, film: Path, image_of, text_of, hidden_of) -> None:
    kind, tower, image, text, head, folder = model
    crop = 480 if kind == "biovil" else 448
    through = nn.Sequential(*list(tower.children())[:-2])

    def theirs(x: torch.Tensor) -> torch.Tensor:
        found = through(x)
        if kind == "biovil_t":
            found = conv2d(found, image["encoder.backbone_to_vit.weight"])
            missing = image["encoder.missing_previous_emb"].repeat(1, 1, *found.shape[2:])
            found = torch.cat([found, missing], dim=1)
        return unit(projected(found, image))[0]

    adapter = load_adapter("biovil", folder)
    with torch.inference_mode():
        ours = image_of(adapter)
        assert (ours - theirs(pixels(film, crop))).abs().max() < 1e-5
        # An audit in print took the central 512.
        wrong = (pixels(film, 512), pixels(film, crop) * 2 - 1)
        assert min((ours - theirs(x)).abs().max() for x in wrong) > 1e-4
        found = text_of(adapter, TEXTS)
        for i, sentence in enumerate(TEXTS):
            cls = hidden_of(text, sentence)[-1][:, 0]
            x = gelu(linear(cls, head["dense_to_hidden.weight"], head["dense_to_hidden.bias"]))
            x = layer_norm(x, (10,), head["LayerNorm.weight"], head["LayerNorm.bias"], eps=1e-12)
            x = linear(x, head["dense_to_output.weight"], head["dense_to_output.bias"])
            assert (found[i] - unit(x)[0]).abs().max() < 1e-5
    assert adapter.name == kind
