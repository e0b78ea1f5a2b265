import json
from pathlib import Path

import torch

from adfair.models.dual_encoder import build_model, freeze_tower
from adfair.training.flops import known_peak, pair_flops, peak_flops


def transformer(*, tokens: int, width: int, inner: int, layers: int) -> int:
    """Products of pre-norm blocks: projections, attention written out, two-layer network; forwards."""
    block = 2 * tokens * width * (4 * width + 2 * inner) + 4 * tokens**2 * width
    return layers * block


def test_a_vision_transformer_costs_what_a_count_on_paper_says(tmp_path: Path) -> None:
    config = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
        "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 48, "heads": 4, "layers": 3},
    }
    (tmp_path / "small.json").write_text(json.dumps(config))
    model = build_model(str(tmp_path / "small.json"), seed=0)
    image = transformer(tokens=17, width=64, inner=4 * 64, layers=2) + 2 * 64 * 32  # 16 patches and the class
    text = transformer(tokens=20, width=48, inner=4 * 48, layers=3) + 2 * 48 * 32
    patches = 2 * 16 * 3 * 16 * 16 * 64
    # Forwards once, backwards twice; the pixels need no gradient.
    assert pair_flops(model) == 3 * (image + text) + 2 * patches


def test_a_frozen_tower_costs_less_and_the_model_is_left_as_it_was() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    model.net.train()
    before = {k: v.clone() for k, v in model.net.state_dict().items()}
    state, whole = torch.get_rng_state(), pair_flops(model)
    freeze_tower(model, "image_tower")
    assert 0 < pair_flops(model) < whole
    assert all(torch.equal(v, before[k]) for k, v in model.net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert all(module.training for module in model.net.modules())
    assert all(p.grad is None for p in model.net.parameters())


def test_peaks_go_by_the_name_and_the_precision() -> None:
    assert known_peak("NVIDIA A100-SXM4-80GB", "bf16-mixed") == 312e12
    assert known_peak("NVIDIA A100-SXM4-80GB", "32-true") == 19.5e12
    assert known_peak("NVIDIA H100 PCIe", "16-mixed") == 756e12
    assert known_peak("NVIDIA H100 80GB HBM3", "bf16-mixed") == 989e12
    assert known_peak("NVIDIA A10", "bf16-mixed") == 125e12
    assert known_peak("NVIDIA A1000 Laptop GPU", "bf16-mixed") is None
    assert peak_flops(torch.device("cpu"), "32-true") is None
