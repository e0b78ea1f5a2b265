"""The reference is transformers itself: its from_pretrained, its tokenizer and its image processor on Pillow."""

import json
from pathlib import Path

import pytest
import torch
import transformers
from PIL import Image
from transformers import AutoTokenizer, CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

from adfair.errors import ConfigError
from adfair.models.adapters.load import load_adapter

from .conftest import WORDS, unit

TOWER = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
TEXTS = ["No edema.", "severe cardiomegaly, mild pleural effusion"]
LOOKS = {
    "clip": {"size": {"shortest_edge": 97}, "crop_size": {"height": 96, "width": 96}, "do_center_crop": True},
    "siglip": {"size": {"height": 96, "width": 96}},
}


def processor(kind: str):
    """On Pillow, as when these models were trained: version 5 of transformers has it beside that on tensors."""
    name = {"clip": "CLIPImageProcessor", "siglip": "SiglipImageProcessor"}[kind]
    return getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)


@pytest.fixture(params=["clip", "siglip"])
def folder(request, tmp_path: Path, shaken, vocabulary) -> Path:
    kind = request.param
    vocabulary(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    torch.manual_seed(7)
    text = {
        **TOWER,
        "vocab_size": len(WORDS),
        "max_position_embeddings": 24,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    text |= {"pad_token_id": 0, "projection_size": 64}
    config, model = (CLIPConfig, CLIPModel) if kind == "clip" else (SiglipConfig, SiglipModel)
    vision = {**TOWER, "image_size": 96, "patch_size": 32}
    if kind == "siglip":
        vision, text = vision | {"num_attention_heads": 1}, text | {"num_attention_heads": 1}
    shaken(model(config(text_config=text, vision_config=vision))).save_pretrained(tmp_path)
    look = {"resample": 3, "image_mean": [0.48, 0.45, 0.4], "image_std": [0.27, 0.26, 0.25], **LOOKS[kind]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(look))
    return tmp_path


def test_images_and_texts_as_by_transformers(folder: Path, film: Path, image_of, text_of) -> None:
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    theirs = (CLIPModel if kind == "clip" else SiglipModel).from_pretrained(folder).eval()
    image = Image.open(film).convert("RGB")

    def embed(**how) -> torch.Tensor:
        pixels = processor(kind)(**LOOKS[kind], resample=3, **how)(image, return_tensors="pt").pixel_values
        found = theirs.vision_model(pixels).pooler_output
        return unit(theirs.visual_projection(found) if kind == "clip" else found)[0]

    model = load_adapter("transformers", folder)
    with torch.inference_mode():
        ours = image_of(model)
        assert (ours - embed(image_mean=[0.48, 0.45, 0.4], image_std=[0.27, 0.26, 0.25])).abs().max() < 1e-5
        assert (ours - embed(image_mean=[0.1] * 3, image_std=[0.5] * 3)).abs().max() > 1e-4
        found = AutoTokenizer.from_pretrained(folder)(
            TEXTS, padding="max_length", max_length=24, return_tensors="pt"
        )
        keys = ("input_ids", "attention_mask") if kind == "clip" else ("input_ids",)
        pooled = theirs.text_model(**{k: found[k] for k in keys}).pooler_output
        expected = unit(theirs.text_projection(pooled) if kind == "clip" else pooled)
        assert (text_of(model, TEXTS) - expected).abs().max() < 1e-5
    assert model.logit_scale == pytest.approx(theirs.logit_scale.exp().item(), rel=1e-6)


def test_films_are_not_fed_by_guess(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match="no preprocessor_config"):
        load_adapter("transformers", folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="model_type 'bert'; expected clip or siglip"):
        load_adapter("transformers", folder)


def changed(file: Path, **how: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | how))


@pytest.mark.parametrize(
    "how",
    [
        {"rescale_factor": 1.0},
        {"do_center_crop": True, "crop_size": 64},
        {"size": {"shortest_edge": 80}, "crop_size": 96, "do_center_crop": True},
        {"size": {"shortest_edge": 96}, "do_center_crop": False},
        {"do_normalize": False},
    ],
    ids=str,
)
def test_squares_that_the_tower_does_not_take_are_refused(folder: Path, how: dict) -> None:
    changed(folder / "preprocessor_config.json", **how)
    with pytest.raises(ConfigError, match="is not what a CLIP or SigLIP for 96 pixels needs"):
        load_adapter("transformers", folder)


def test_where_the_preprocessor_is_silent_the_library_s_mean_and_spread_hold(
    folder: Path, film: Path, image_of
) -> None:
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    (folder / "preprocessor_config.json").write_text(json.dumps(LOOKS[kind]))
    theirs = (CLIPModel if kind == "clip" else SiglipModel).from_pretrained(folder).eval()
    pixels = processor(kind).from_pretrained(folder)(Image.open(film).convert("RGB"), return_tensors="pt")
    with torch.inference_mode():
        found = theirs.vision_model(pixels.pixel_values).pooler_output
        expected = unit(theirs.visual_projection(found) if kind == "clip" else found)[0]
        assert (image_of(load_adapter("transformers", folder)) - expected).abs().max() < 1e-5


def test_a_folder_without_its_vocabulary_or_with_another_s_is_refused(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "one", "more"]))
    with pytest.raises(ConfigError, match=r"up to token \d+, and the weights embed 18 tokens"):
        load_adapter("transformers", folder)
    (folder / "vocab.txt").unlink()
    # transformers makes a tokenizer of nothing, to which every text is the same.
    assert (
        AutoTokenizer.from_pretrained(folder)("edema").input_ids
        == AutoTokenizer.from_pretrained(folder)("effusion").input_ids
    )
    with pytest.raises(ConfigError, match=r"no vocabulary; expected tokenizer\.json or vocab\.txt"):
        load_adapter("transformers", folder)


def test_the_file_that_is_named_is_read(folder: Path, image_of) -> None:
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    name = next(n for n in state if n.endswith("patch_embedding.weight"))
    torch.save(state | {name: state[name] * 2}, folder / "pytorch_model.bin")
    first, second = (load_adapter("transformers", place) for place in (folder, folder / "pytorch_model.bin"))
    assert first.fingerprint != second.fingerprint
    assert (image_of(first) - image_of(second)).abs().max() > 1e-4
    (folder / "model.safetensors").unlink()
    assert load_adapter("transformers", folder).fingerprint == second.fingerprint


def test_weights_in_parts_are_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"adapter \(LoRA\), which is not read\. Merge it"):
        load_adapter("transformers", folder)
    (folder / "adapter_config.json").unlink()
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"in several files\. Save them in one"):
        load_adapter("transformers", folder)


@pytest.mark.parametrize("file", ["preprocessor_config.json", "tokenizer_config.json", "config.json"])
def test_settings_are_part_of_the_fingerprint(file: str, folder: Path) -> None:
    before = load_adapter("transformers", folder).fingerprint
    assert load_adapter("transformers", folder).fingerprint == before
    changed(folder / file, note="changed")
    assert load_adapter("transformers", folder).fingerprint != before
