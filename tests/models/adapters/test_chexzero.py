"""The reference is transformers' CLIP with OpenAI's weights put under its names, fed as the authors' scripts do."""

import re
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate, normalize
from transformers import CLIPConfig, CLIPModel

from adfair.errors import ConfigError
from adfair.models.adapters import chexzero
from adfair.models.adapters.load import load_adapter

CONFIG = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 224, "layers": 2, "width": 64, "patch_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2},
}
NAMES = (
    (r"^visual\.transformer\.resblocks", "vision_model.encoder.layers"),
    (r"^transformer\.resblocks", "text_model.encoder.layers"),
    (r"^visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.conv1", "vision_model.embeddings.patch_embedding"),
    (r"^visual\.ln_pre", "vision_model.pre_layrnorm"),
    (r"^visual\.ln_post", "vision_model.post_layernorm"),
    (r"^positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"^token_embedding", "text_model.embeddings.token_embedding"),
    (r"^ln_final", "text_model.final_layer_norm"),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.c_fc\.", ".fc1."),
    (r"\.c_proj\.", ".fc2."),
)


def transformers_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    out = {
        "visual_projection.weight": state["visual.proj"].T,
        "text_projection.weight": state["text_projection"].T,
    }
    for name, tensor in state.items():
        if name in ("visual.proj", "text_projection"):
            continue
        for old, new in NAMES:
            name = re.sub(old, new, name)
        if "in_proj" in name:
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                out[name.replace("in_proj_", f"{part}_proj.")] = piece
        else:
            out[name] = tensor
    return out


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("chexzero") / "best_64.pt"
    torch.save(open_clip.CLIP(**CONFIG).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> CLIPModel:
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 1}
    config = CLIPConfig(
        text_config={**tower, "vocab_size": 49408, "hidden_act": "quick_gelu", "eos_token_id": 49407},
        vision_config={**tower, "image_size": 224, "patch_size": 32, "hidden_act": "quick_gelu"},
        projection_dim=16,
    )
    model = CLIPModel(config)
    model.load_state_dict(transformers_names(torch.load(checkpoint, weights_only=True)))
    return model.eval()


def as_in_the_scripts(film: Path, *, mean: float = 101.48761, std: float = 83.43944) -> torch.Tensor:
    image = Image.open(film).convert("RGB")
    ratio = 320 / max(image.size)
    small = image.resize((int(image.width * ratio), int(image.height * ratio)), Image.Resampling.LANCZOS)
    padded = Image.new("L", (320, 320))
    padded.paste(small, ((320 - small.width) // 2, (320 - small.height) // 2))
    pixels = torch.from_numpy(np.repeat(np.array(padded, np.float32)[None], 3, axis=0))
    return interpolate((pixels[None] - mean) / std, size=(224, 224), mode="bicubic", align_corners=False)


def test_images_as_by_the_authors(checkpoint: Path, reference: CLIPModel, film: Path, image_of) -> None:
    def theirs(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return normalize(reference.visual_projection(reference.vision_model(pixels).pooler_output))[0]

    ours = image_of(load_adapter("chexzero", checkpoint))
    assert (ours - theirs(as_in_the_scripts(film))).abs().max() < 1e-5
    # What an audit in print fed it: CLIP's mean and spread of levels between 0 and 1.
    wrong = theirs(as_in_the_scripts(film, mean=0.48145 * 255, std=0.26863 * 255))
    assert (ours - wrong).abs().max() > 1e-3


def test_texts_as_by_the_authors(checkpoint: Path, reference: CLIPModel, text_of) -> None:
    texts = ["Atelectasis", "no Pleural Effusion", "no " * 90]
    tokens = open_clip.SimpleTokenizer(context_length=77)(texts)
    with torch.inference_mode():
        theirs = normalize(reference.text_projection(reference.text_model(tokens).pooler_output))
    model = load_adapter("chexzero", checkpoint)
    assert (text_of(model, texts) - theirs).abs().max() < 1e-5
    assert model.protocol == "chexzero"
    assert model.logit_scale == pytest.approx(reference.logit_scale.exp().item())


def test_the_larger_layout_is_told_by_its_shapes() -> None:
    tensors = {
        "visual.conv1.weight": torch.empty(768, 3, 16, 16),
        "visual.positional_embedding": torch.empty(401, 768),
        "positional_embedding": torch.empty(77, 512),
        "text_projection": torch.empty(512, 768),
        "token_embedding.weight": torch.empty(49408, 512),
    }
    vision = chexzero.layout(tensors)["vision_cfg"]
    assert (vision["image_size"], vision["patch_size"]) == (320, 16)


def test_names_that_differ_are_named(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    state["visual.ln_post.weight"] = torch.ones(3)
    state["extra"] = state.pop("ln_final.bias")
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(
        ConfigError, match=r"missing: ln_final.bias; unexpected: extra; wrongly shaped: visual.ln_post"
    ):
        load_adapter("chexzero", tmp_path / "x.pt")
