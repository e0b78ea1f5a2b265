import open_clip
import pytest
import torch

from adfair.errors import ConfigError
from adfair.models.dual_encoder import build_model
from adfair.models.layers import as_layer, read_layer

VIT = {"layers": 1, "width": 32, "head_width": 16, "image_size": 32, "patch_size": 16}
TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}


def images(size: int) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_a_resnet_before_its_attention_pooling() -> None:
    net = build_model("tiny", seed=0, image_size=64).net.eval()
    found = read_layer(net, images(64), "pre_projection")
    tower = net.visual
    by_hand = tower.layer4(tower.layer3(tower.layer2(tower.layer1(tower.stem(images(64)))))).mean((2, 3))
    assert torch.allclose(found, by_hand, atol=1e-6)
    assert found.shape == (2, 256)


@torch.no_grad()
def test_a_vision_transformer_projected_by_hand_is_its_embedding() -> None:
    net = open_clip.CLIP(embed_dim=8, vision_cfg=VIT, text_cfg=TEXT).eval()
    before = read_layer(net, images(32), "pre_projection")
    projected = torch.nn.functional.normalize(before @ net.visual.proj, dim=1)
    assert torch.allclose(projected, read_layer(net, images(32), "embedding"), atol=1e-6)
    assert isinstance(net.visual.proj, torch.nn.Parameter), "put back"


@torch.no_grad()
def test_a_timm_tower_projected_by_hand_is_its_embedding() -> None:
    vision = {"timm_model_name": "resnet10t", "timm_pool": "avg", "timm_proj": "linear", "image_size": 32}
    net = open_clip.CLIP(embed_dim=8, vision_cfg=vision, text_cfg=TEXT).eval()
    before = read_layer(net, images(32), "pre_projection")
    projected = torch.nn.functional.normalize(net.visual.head(before), dim=1)
    assert torch.allclose(projected, read_layer(net, images(32), "embedding"), atol=1e-6)


def test_names() -> None:
    assert as_layer("embedding") == "embedding"
    with pytest.raises(ConfigError, match="choose embedding or pre_projection"):
        as_layer("logits")
