import json
from pathlib import Path

import pytest
import torch

from adfair.errors import ConfigError
from adfair.models.dual_encoder import DualEncoder, build_model
from adfair.models.to_transformers import require_convertible, sample_inputs, save_transformers

VIT = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


def vit(folder: Path, **changes: object) -> DualEncoder:
    path = folder / "vit.json"
    path.write_text(json.dumps({**VIT, **changes}))
    return build_model(str(path), seed=1)


@pytest.mark.parametrize("changes", [{}, {"quick_gelu": True}, {"custom_text": True}])
def test_embeddings_agree_with_transformers(tmp_path: Path, changes: dict) -> None:
    model = vit(tmp_path, **changes)
    # Weights as they start barely differ between the two activations; larger ones do.
    with torch.no_grad():
        for name, value in model.net.named_parameters():
            if name.endswith("mlp.c_fc.weight"):
                value.mul_(8)
    assert save_transformers(model, tmp_path / "out") < 1e-5
    from transformers import CLIPModel, CLIPTokenizer

    net = CLIPModel.from_pretrained(tmp_path / "out")
    assert net.config.vision_config.hidden_act == ("quick_gelu" if "quick_gelu" in changes else "gelu")
    texts = ["No acute finding.", "Small effusion; XXXX-year-old."]
    theirs = CLIPTokenizer.from_pretrained(tmp_path / "out")(texts).input_ids
    assert theirs == [row[: len(row) - row.count(0)] for row in model.tokenize(texts).tolist()]


def test_the_wrong_activation_would_show(tmp_path: Path) -> None:
    from adfair.models import to_transformers

    model = vit(tmp_path)
    with torch.no_grad():
        for name, value in model.net.named_parameters():
            if name.endswith("mlp.c_fc.weight"):
                value.mul_(8)
    model.config["quick_gelu"] = True
    assert to_transformers.save_transformers(model, tmp_path / "out") > 1e-5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vision_cfg": {"layers": [1, 1, 1, 1], "width": 8, "head_width": 32, "image_size": 32}}, "ResNet"),
        ({"text_cfg": {**VIT["text_cfg"], "no_causal_mask": True}}, "causal mask"),
        ({"vision_cfg": {**VIT["vision_cfg"], "pool_type": "avg"}}, "vision_cfg.pool_type is 'avg'"),
        ({"init_logit_bias": -10.0}, "SigLIP"),
    ],
)
def test_what_it_cannot_hold_is_named(tmp_path: Path, changes: dict, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        require_convertible(vit(tmp_path, **changes))


def test_samples_are_the_same_every_time(tmp_path: Path) -> None:
    model = vit(tmp_path)
    images, tokens = sample_inputs(model)
    again, _ = sample_inputs(model)
    assert torch.equal(images, again)
    assert images.shape == (3, 3, 32, 32)
    assert tokens.shape == (3, 24)
