import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from adfair.errors import ConfigError
from adfair.evaluation.embed import embed_images, embed_texts
from adfair.models.dual_encoder import (
    _token_embedding,
    build_model,
    freeze_tower,
    load_model,
    load_weights,
    model_config,
    our_configs,
    save_model,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)
TEXTS = ["No edema.", "Severe cardiomegaly."]


def test_open_clip_alone_reloads_the_saved_folder_to_the_same_embeddings(tmp_path: Path) -> None:
    model = build_model("tiny", seed=3)
    save_model(model, tmp_path / "model")
    theirs, preprocess = open_clip.create_model_from_pretrained(
        f"local-dir:{tmp_path / 'model'}", pretrained_hf=False
    )
    tokenize = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'model'}")
    theirs.eval()
    with torch.inference_mode():
        image = theirs.encode_image(model.prepare(torch.from_numpy(IMAGES)), normalize=True).numpy()
        text = theirs.encode_text(tokenize(TEXTS), normalize=True).numpy()
    assert np.abs(image - embed_images(model, IMAGES)).max() < 1e-6
    assert np.abs(text - embed_texts(model, TEXTS)).max() < 1e-6
    from PIL import Image

    pixels = torch.stack([preprocess(Image.fromarray(i)) for i in IMAGES])
    assert torch.allclose(pixels, model.prepare(torch.from_numpy(IMAGES)), atol=1e-6)


def test_tokens_start_as_spread_as_the_configuration_says() -> None:
    tokens = build_model("tiny", seed=0).net.token_embedding.weight
    assert tokens.std().item() == pytest.approx(model_config("tiny")["token_std"], rel=0.01)
    with pytest.raises(ConfigError, match="'token_std' needs open_clip's own text tower"):
        _token_embedding(torch.nn.Linear(2, 2), "mine.json")


def test_our_own_reload_agrees(tmp_path: Path) -> None:
    model = build_model("tiny", seed=4)
    again = load_model(save_model(model, tmp_path / "m"))
    assert np.array_equal(embed_images(model, IMAGES), embed_images(again, IMAGES))
    assert (again.mean, again.std, again.image_size) == (model.mean, model.std, 64)


def test_embeddings_are_unit_and_do_not_depend_on_their_neighbours() -> None:
    model = build_model("tiny", seed=1)
    emb = embed_images(model, IMAGES)
    assert np.allclose(np.linalg.norm(emb, axis=1), 1, atol=1e-6)
    assert np.allclose(emb[2:3], embed_images(model, IMAGES[2:3]), atol=1e-6)


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    a = build_model("tiny", seed=0).net.state_dict()
    state = torch.random.get_rng_state()
    b = build_model("tiny", seed=0).net.state_dict()
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(
        a["text_projection"], build_model("tiny", seed=9).net.state_dict()["text_projection"]
    )


@pytest.mark.parametrize("name", ["resnet50_clinical", "vit_b_16_clinical"])
def test_the_large_configurations_describe_what_they_say(name: str) -> None:
    assert name in our_configs()
    config = model_config(name)
    text = config["text_cfg"]
    # The shape of BERT base: 12 layers of 12 heads, width 768, both directions.
    assert (text["width"], text["layers"], text["heads"], text["no_causal_mask"]) == (768, 12, 12, True)
    with torch.device("meta"):
        net = open_clip.CLIP(**config)
    assert sum(p.numel() for p in net.visual.parameters()) > 20e6


def test_unusable_configurations_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tiny"):
        model_config("no-such-model")
    (tmp_path / "x.json").write_text(json.dumps({"embed_dim": 3}))
    with pytest.raises(ConfigError, match="vision_cfg"):
        model_config(str(tmp_path / "x.json"))
    with pytest.raises(ConfigError, match="no open_clip_config"):
        load_model(tmp_path)


def test_pretrained_weights_and_frozen_towers(tmp_path: Path) -> None:
    source = build_model("tiny", seed=5)
    save_model(source, tmp_path / "m")
    model = build_model("tiny", seed=6)
    load_weights(model, tmp_path / "m")
    assert np.array_equal(embed_images(model, IMAGES), embed_images(source, IMAGES))
    freeze_tower(model, "image_tower")
    trainable = {n for n, p in model.net.named_parameters() if p.requires_grad}
    assert trainable
    assert not any(n.startswith("visual.") for n in trainable)
    freeze_tower(model, "text_tower")
    assert {n for n, p in model.net.named_parameters() if p.requires_grad} == {"logit_scale"}
