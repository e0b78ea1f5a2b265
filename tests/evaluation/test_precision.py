from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from adfair.errors import ConfigError
from adfair.evaluation import precision
from adfair.evaluation.precision import as_precision, choose_dtype, fast_bf16, lowered


def test_flags_of_a_processor(tmp_path: Path) -> None:
    for name, flags, expected in (
        ("zen4", "fma avx512f avx512_bf16", True),
        ("xeon", "amx_tile amx_bf16", True),
        ("old", "fma avx2 bf16_like", False),
        ("arm", "", False),
    ):
        (tmp_path / name).write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t: avx512_bf16\n")
        assert fast_bf16(tmp_path / name) is expected
    assert fast_bf16(tmp_path / "absent") is False


def test_auto_needs_a_large_tower_and_a_quick_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = nn.Linear(4, 4), nn.Linear(64, 64)
    monkeypatch.setattr(precision, "LARGE", 1000)
    for quick in (True, False):
        monkeypatch.setattr(precision, "fast_bf16", lambda quick=quick: quick)
        assert choose_dtype("auto", small) == torch.float32
        assert choose_dtype("auto", large) == (torch.bfloat16 if quick else torch.float32)
        assert choose_dtype("fp32", large) == torch.float32
        assert choose_dtype("bf16", small) == torch.bfloat16


def test_weights_come_back_bit_for_bit() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(4, 4))
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def fail() -> None:
        with lowered(net, torch.bfloat16):
            assert net[0].weight.dtype == net[2].bias.dtype == torch.bfloat16
            assert net[1].running_mean.dtype == torch.float32
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert all(np.array_equal(before[name], value) for name, value in net.state_dict().items())
    with lowered(net, torch.float32):
        assert net[0].weight.dtype == torch.float32


def test_names() -> None:
    assert as_precision("auto") == "auto"
    with pytest.raises(ConfigError, match="bf16"):
        as_precision("fp16")
