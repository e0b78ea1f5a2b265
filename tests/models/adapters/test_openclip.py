"""The reference is open_clip itself: its own loading of the folder, its own transform and its own tokenizer."""

import json
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import BertConfig

from adfair.errors import ConfigError
from adfair.models.adapters.load import load_adapter, load_encoder

from .conftest import WORDS

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}
VISION = {"image_size": 96, "layers": 1, "width": 64, "patch_size": 32}
HF = {"hf_model_name": "bert", "hf_tokenizer_name": "bert", "hf_pooler_type": "cls_last_hidden_state_pooler"}
HF |= {"hf_proj_type": "mlp", "context_length": 32}
LOOKS = {
    "whyxrayclip": {
        "size": 96,
        "mean": [0.48, 0.45, 0.40],
        "std": [0.26, 0.26, 0.27],
        "resize_mode": "shortest",
    },
    "biomedclip": {"size": [96, 96], "mean": [0.48, 0.45, 0.40], "std": [0.27, 0.26, 0.27]},
    "siglip": {"size": [96, 96], "mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    "longest": {"size": 96, "resize_mode": "longest", "interpolation": "bilinear", "fill_color": 9},
}
TEXTS = ["No edema.", "severe cardiomegaly, mild pleural effusion"]


def write(folder: Path, kind: str, vocabulary) -> Path:
    """An open_clip folder of a small model of this kind."""
    text = HF if kind == "biomedclip" else TEXT
    config = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": text}
    folder.mkdir(parents=True)
    torch.manual_seed(6)
    if kind == "biomedclip":
        vocabulary(folder / "bert")
        vocabulary(folder)
        small = {
            "vocab_size": len(WORDS),
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        }
        BertConfig(**small, intermediate_size=32, max_position_embeddings=64).save_pretrained(folder / "bert")
        for place in (folder, folder / "bert"):
            (place / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
        built = {**text, "hf_model_name": str(folder / "bert"), "hf_model_pretrained": False}
        net = open_clip.CustomTextCLIP(**{**config, "text_cfg": built})
        position = {"text.transformer.embeddings.position_ids": torch.arange(64)[None]}
        torch.save({"state_dict": net.state_dict() | position}, folder / "open_clip_pytorch_model.bin")
    else:
        save_file(open_clip.CLIP(**config).state_dict(), folder / "open_clip_model.safetensors")
    layout = {"model_cfg": config, "preprocess_cfg": LOOKS[kind]}
    (folder / "open_clip_config.json").write_text(json.dumps(layout))
    return folder


@pytest.mark.parametrize("kind", LOOKS)
def test_images_and_texts_as_by_open_clip(
    kind: str, tmp_path: Path, film: Path, vocabulary, image_of, text_of, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "m", kind, vocabulary)
    monkeypatch.chdir(folder)  # where open_clip looks for a relative hf_model_name
    theirs, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}", pretrained_text=False)
    tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
    monkeypatch.chdir(tmp_path)
    model = load_encoder(folder)
    assert model.name == "open_clip"
    with torch.inference_mode():
        pixels = transform(Image.open(film))[None]
        ours = image_of(model)
        assert (ours - theirs.eval().encode_image(pixels, normalize=True)[0]).abs().max() < 1e-5
        assert (ours - theirs.encode_image(pixels * 0.9, normalize=True)[0]).abs().max() > 1e-4
        found = text_of(load_encoder(f"open_clip:{folder}"), TEXTS)
        assert (found - theirs.encode_text(tokenize(TEXTS), normalize=True)).abs().max() < 1e-5


def test_the_weights_that_are_named_are_read(tmp_path: Path, vocabulary, image_of) -> None:
    folder = write(tmp_path / "m", "whyxrayclip", vocabulary)
    state = load_file(folder / "open_clip_model.safetensors")
    save_file(state | {"visual.proj": -state["visual.proj"]}, folder / "epoch_5.safetensors")
    first, second = (load_adapter("open_clip", place) for place in (folder, folder / "epoch_5.safetensors"))
    assert (image_of(first) + image_of(second)).abs().max() < 1e-6
    assert load_adapter("open_clip", folder / "open_clip_config.json").fingerprint == first.fingerprint


def test_vocabularies_are_part_of_the_fingerprint_and_have_to_fit(tmp_path: Path, vocabulary) -> None:
    folder = write(tmp_path / "m", "biomedclip", vocabulary)
    before = load_adapter("open_clip", folder).fingerprint
    swapped = [*WORDS[:5], *reversed(WORDS[5:])]
    (folder / "vocab.txt").write_text("\n".join(swapped) + "\n")
    assert load_adapter("open_clip", folder).fingerprint != before
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "one", "more"]))
    with pytest.raises(ConfigError, match=r"up to token \d+, and the weights embed 18 tokens"):
        load_adapter("open_clip", folder)
    (folder / "vocab.txt").unlink()
    with pytest.raises(ConfigError, match="no vocabulary"):
        load_adapter("open_clip", folder)


@pytest.mark.parametrize(
    ("part", "how", "named"),
    [
        ("vision_cfg", {"timm_model_name": "hf-hub:timm/test_resnet"}, "nothing is fetched"),
        ("vision_cfg", {"image_size": 50000}, "images of 50000 pixels a side"),
    ],
)
def test_settings_that_fetch_or_fill_the_memory_are_refused(
    part: str, how: dict, named: str, tmp_path: Path, vocabulary
) -> None:
    folder = write(tmp_path / "m", "whyxrayclip", vocabulary)
    told = json.loads((folder / "open_clip_config.json").read_text())
    (told if part in told else told["model_cfg"])[part] |= how
    (folder / "open_clip_config.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match=named):
        load_adapter("open_clip", folder)


def test_a_language_model_of_the_hub_is_not_fetched(tmp_path: Path, vocabulary) -> None:
    folder = write(tmp_path / "m", "biomedclip", vocabulary)
    told = json.loads((folder / "open_clip_config.json").read_text())
    told["model_cfg"]["text_cfg"]["hf_model_name"] = "microsoft/BiomedNLP-BiomedBERT-base"
    (folder / "open_clip_config.json").write_text(json.dumps(told))
    with pytest.raises(
        ConfigError, match=r"hf_model_name 'microsoft/.*' is not a local folder with config\.json"
    ):
        load_adapter("open_clip", folder)
    (folder / "open_clip_config.json").write_text("{")
    with pytest.raises(ConfigError, match="not a JSON object"):
        load_adapter("open_clip", folder)


def test_the_tower_is_fed_at_its_own_size(tmp_path: Path, vocabulary) -> None:
    folder = write(tmp_path / "m", "siglip", vocabulary)
    layout = json.loads((folder / "open_clip_config.json").read_text())
    layout["preprocess_cfg"]["size"] = 80
    (folder / "open_clip_config.json").write_text(json.dumps(layout))
    assert load_encoder(folder).image_size == 96
