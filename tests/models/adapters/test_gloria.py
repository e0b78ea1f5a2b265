"""The references are torchvision's ResNet and transformers' BERT; words are put together as the authors' loop does."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from adfair.errors import ConfigError
from adfair.models.adapters.gloria import clean
from adfair.models.adapters.load import load_adapter

from .conftest import WORDS, small_bert, small_resnet, under, unit

TEXTS = ["no edema.", "mild cardiomegaly . severe pleural effusion"]


def area(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Mean of what each new pixel covers: differences of the running sum, which is linear within a pixel."""

    def along(values: np.ndarray, new: int) -> np.ndarray:
        old = len(values)
        total = np.vstack([np.zeros(values.shape[1]), values.cumsum(0)])
        edges = np.arange(new + 1) * (old / new)
        at = np.stack([np.interp(edges, np.arange(old + 1), column) for column in total.T], axis=1)
        return np.diff(at, axis=0) / (old / new)

    return np.rint(along(along(levels.astype(float), height).T, width).T)


def pixels(levels: np.ndarray, *, norm: tuple[float, float] = (0.5, 0.5)) -> torch.Tensor:
    small = area(levels, int(levels.shape[0] * 256 / levels.shape[1]), 256)
    spare = 256 - len(small)
    square = np.pad(small, ((spare // 2, spare - spare // 2), (0, 0)))[16:240, 16:240]
    return ((torch.tensor(square, dtype=torch.float32) / 255 - norm[0]) / norm[1]).expand(1, 3, -1, -1)


@pytest.fixture
def model(tmp_path: Path, shaken, vocabulary):
    resnet, bert, head = small_resnet(), shaken(small_bert()), nn.Linear(2048, 24)
    resnet.fc = nn.Identity()
    shaken(resnet)
    state = under("gloria.img_encoder.model.", resnet.state_dict()) | under(
        "gloria.text_encoder.model.", bert.state_dict()
    )
    state |= under("gloria.img_encoder.global_embedder.", head.state_dict())
    state["gloria.img_encoder.local_embedder.weight"] = torch.zeros(24, 1024, 1, 1)
    vocabulary(tmp_path / "bert")
    torch.save(
        {"state_dict": state, "epoch": 3, "hyper_parameters": {"data": {"text": {"word_num": 97}}}},
        tmp_path / "g.ckpt",
    )
    return resnet, bert, head, tmp_path / "g.ckpt"


def test_images_as_by_the_authors(model, tmp_path: Path, image_of) -> None:
    resnet, _, head, path = model
    levels = np.random.default_rng(0).integers(0, 256, (290, 333)).astype(np.uint8)
    Image.fromarray(levels).save(tmp_path / "film.png")

    def theirs(x: torch.Tensor) -> torch.Tensor:
        large = nn.Upsample(size=(299, 299), mode="bilinear", align_corners=True)(x)
        return unit(head(resnet(large)))[0]

    with torch.inference_mode():
        ours = image_of(load_adapter("gloria", path), tmp_path / "film.png")
        assert (ours - theirs(pixels(levels))).abs().max() < 1e-5
        assert (ours - theirs(pixels(levels, norm=(0.45, 0.225)))).abs().max() > 1e-3
        assert (ours - unit(head(resnet(pixels(levels))))[0]).abs().max() > 1e-3, "not enlarged"


def test_texts_as_by_the_authors(model, text_of, hidden_of) -> None:
    _, bert, _, path = model
    found = text_of(load_adapter("gloria", path), TEXTS)
    for i, text in enumerate(("no edema", "mild cardiomegaly severe pleural effusion")):
        layers = torch.stack(hidden_of(bert, text)[-4:])[:, 0]
        words: list[torch.Tensor] = []
        for place, piece in enumerate(
            ("[CLS] " + text.replace("cardiomegaly", "card ##iom ##egaly") + " [SEP]").split()
        ):
            assert piece in WORDS
            if piece.startswith("##"):
                words[-1] = words[-1] + layers[:, place]
            else:
                words.append(layers[:, place])
        padded = torch.stack(words + [torch.zeros_like(words[0])] * (97 - len(words)))
        assert (found[i] - unit(padded.mean(0).sum(0))).abs().max() < 1e-5


def test_cleaning_keeps_a_text_that_is_one_word() -> None:
    assert clean("1. No Edema. Stable.\n2. Heart is LARGE") == "no edema heart is large"
    assert clean("Edema.") == "edema"


def test_a_recipe_that_is_not_known_is_refused(model, tmp_path: Path) -> None:
    found = torch.load(model[-1], weights_only=True)
    for recipe, named in (
        ({"model": {"text": {"agg_tokens": False}}}, "agg_tokens"),
        ({"data": {"image": {"imsize": -1}}}, "imsize"),
    ):
        torch.save(found | {"hyper_parameters": recipe}, tmp_path / "x.ckpt")
        with pytest.raises(ConfigError, match=named):
            load_adapter("gloria", tmp_path / "x.ckpt")
