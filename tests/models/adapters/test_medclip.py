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

TEXTS = ["No edema.", "Mild cardiomegaly, severe pleural effusion.", "There is edema"]


def pixels(film: Path, *, pad: bool = True, normalise: bool = True) -> torch.Tensor:
    image = Image.open(film)
    if pad:
        side = max(224, *image.size)
        padded = Image.new("L", (side, side))
        padded.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = padded
    steps = [transforms.Resize((224, 224)), transforms.ToTensor()]
    steps += [transforms.Normalize([0.5862785803043838], [0.27950088968644304])] if normalise else []
    return transforms.Compose(steps)(image).repeat(3, 1, 1)[None]


@pytest.fixture(params=["swin", "resnet"])
def model(request, tmp_path: Path, shaken, vocabulary):
    """Image tower with its head, text tower, text head, and the checkpoint's path."""
    torch.manual_seed(4)
    text, to_text = shaken(small_bert()), nn.Linear(64, 16, bias=False)
    if request.param == "swin":
        tower, head = shaken(small_swin()), nn.Linear(16, 16, bias=False)
        image = under("vision_model.model.", as_published(tower, tmp_path / "swin"))
        image["vision_model.projection_head.weight"] = head.weight
        embed = lambda x: head(tower(x).pooler_output)  # noqa: E731
    else:
        embed = small_resnet()
        embed.fc = nn.Linear(2048, 16, bias=False)
        image = under("vision_model.model.", shaken(embed).state_dict())
    state = image | under("text_model.model.", text.state_dict())
    state |= {
        "text_model.projection_head.weight": to_text.weight,
        "text_model.model.embeddings.position_ids": torch.arange(128)[None],
        "logit_scale": torch.tensor(9.0),
    }
    vocabulary(tmp_path / "m" / "bert")
    torch.save(state, tmp_path / "m" / "pytorch_model.bin")
    return embed, text, to_text, tmp_path / "m"


def test_images_and_texts_as_by_the_authors(model, film: Path, image_of, text_of, hidden_of) -> None:
    embed, text, to_text, path = model
    adapter = load_adapter("medclip", path)
    with torch.inference_mode():
        theirs, unpadded, raw = (
            unit(embed(pixels(film, **how)))[0] for how in ({}, {"pad": False}, {"normalise": False})
        )
        ours = image_of(adapter)
        assert (ours - theirs).abs().max() < 1e-5
        assert min((ours - wrong).abs().max() for wrong in (unpadded, raw)) > 1e-3
        found = text_of(adapter, TEXTS)
        for i, sentence in enumerate(TEXTS):
            states = hidden_of(text, sentence)
            mean = torch.stack([states[1], states[2], states[-1]]).permute(1, 0, 2, 3).mean(2).mean(1)
            assert (found[i] - unit(to_text(mean))[0]).abs().max() < 1e-5
    assert adapter.logit_scale == pytest.approx(99.9978, rel=1e-4), "clamped"


def test_the_vocabulary_is_part_of_the_fingerprint_and_has_to_fit(model) -> None:
    path = model[-1]
    before, file = load_adapter("medclip", path).fingerprint, path / "bert" / "vocab.txt"
    words = file.read_text().split()
    file.write_text("\n".join([*words[:5], *reversed(words[5:])]))
    assert load_adapter("medclip", path).fingerprint != before
    file.write_text("\n".join([*words, "one", "more"]))
    with pytest.raises(ConfigError, match=r"up to token 19, and the weights embed 18 tokens"):
        load_adapter("medclip", path)
