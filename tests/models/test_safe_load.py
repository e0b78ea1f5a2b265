"""Files that were made to harm: nothing in them runs, no memory is taken for them, and the error says what it is."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.models.hostile_files import HOSTILE, STATE, Code, bare_pickle
from torch import nn

from adfair.errors import ConfigError
from adfair.models.adapters.precomputed import load as load_precomputed
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint
from adfair.models.safe_pickle import Inert


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_files_run_nothing_take_no_memory_and_are_named(
    make: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    sentinel = tmp_path / "sentinel"
    path = make(tmp_path, sentinel)
    # The address space, not only what is touched: one gigabyte more than now is refused by the system itself.
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + 10**9, limits[1]))
    try:
        with pytest.raises(ConfigError, match=HOSTILE[make]) as error:
            read_checkpoint(path, extra=("omegaconf.", "typing.Any")).tensors()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert str(path) in str(error.value)
    assert not sentinel.exists()


def test_the_reader_of_pytorch_would_make_objects_of_any_size(tmp_path: Path) -> None:
    torch.save({"w": Code(bytearray, 10**6)}, tmp_path / "x.pt")
    assert len(torch.load(tmp_path / "x.pt", weights_only=True)["w"]) == 10**6


def test_the_sentinel_would_be_made_by_pickle_itself(tmp_path: Path) -> None:
    path = bare_pickle(tmp_path, tmp_path / "sentinel")
    pickle.loads(path.read_bytes())
    assert (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_honest_files_give_their_tensors(tmp_path: Path, name: str) -> None:
    whole = STATE | {"half": torch.ones(4, dtype=torch.bfloat16)[1:3], "empty": torch.empty(0, 3)}
    whole["turned"] = STATE["weight"].T if name == "x.pt" else STATE["weight"].T.contiguous()
    if name == "x.pt":
        torch.save(OrderedDict(whole), tmp_path / name)
    else:
        save_file({k: v.contiguous() for k, v in whole.items()}, tmp_path / name)
    found = read_checkpoint(tmp_path / name).tensors()
    assert list(found) == list(whole) or name != "x.pt"
    for key, value in whole.items():
        assert found[key].dtype == value.dtype
        assert torch.equal(found[key], value)


class Node:
    """Pickled like a configuration of OmegaConf."""

    def __init__(self, value: object) -> None:
        self.__dict__.update({"_val": value})


def test_allowed_objects_are_read_as_inert_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    module = types.ModuleType("omegaconf.nodes")
    monkeypatch.setitem(sys.modules, "omegaconf", types.ModuleType("omegaconf"))
    monkeypatch.setitem(sys.modules, "omegaconf.nodes", module)
    module.Node = Node  # type: ignore[attr-defined]
    monkeypatch.setattr(Node, "__module__", "omegaconf.nodes")
    torch.save({"cfg": Node(3), "model": STATE}, tmp_path / "x.tar")
    with pytest.raises(ConfigError, match=r"omegaconf\.nodes\.Node"):
        read_checkpoint(tmp_path / "x.tar")
    found = read_checkpoint(tmp_path / "x.tar", extra=("omegaconf.",))
    assert isinstance(found.tree["cfg"], Inert)
    assert not isinstance(found.tree["cfg"], Node)
    assert found.tree["cfg"].__dict__["_val"] == 3
    assert torch.equal(found.tensors("model")["weight"], STATE["weight"])
    with pytest.raises(ConfigError, match=r"no tensors by name at \['state_dict'\]"):
        found.tensors("state_dict")


def test_a_network_larger_than_its_file_is_never_built() -> None:
    built = []

    def build() -> nn.Module:
        net = nn.Linear(200_000, 200_000)
        built.append(net.weight.device.type)
        return net

    with pytest.raises(ConfigError, match="wrongly shaped: weight"):
        fit(build, {"weight": torch.ones(2, 2), "bias": torch.ones(200_000)}, path=Path("x.pt"))
    assert built == ["meta"]


def test_filling_moves_no_random_state_and_names_what_is_missing() -> None:
    state = torch.random.get_rng_state()
    net = fit(lambda: nn.Linear(4, 3), {**STATE, "seen": torch.ones(1)}, path=Path("x"), ignore=("se*",))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert net.bias.dtype == torch.float32
    assert torch.equal(net.weight, STATE["weight"])
    with pytest.raises(
        ConfigError, match=r"x: the weights do not fit the architecture. missing: bias; unexpected: b"
    ):
        fit(lambda: nn.Linear(4, 3), {"weight": STATE["weight"], "b": STATE["bias"]}, path=Path("x"))


def test_files_are_found_by_preference_and_never_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.pt").touch()
    assert find_file(tmp_path, ("*.safetensors", "*.pt"), what="weights").name == "a.pt"
    (tmp_path / "b.pt").touch()
    with pytest.raises(ConfigError, match=r"several weights: a\.pt, b\.pt"):
        find_file(tmp_path, ("*.pt",), what="weights")
    with pytest.raises(ConfigError, match=r"no weights; expected \*\.bin"):
        find_file(tmp_path, ("*.bin",), what="weights")
    (tmp_path / "c.pt").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ConfigError, match="LFS pointer"):
        read_checkpoint(tmp_path / "c.pt")
    assert fingerprint(tmp_path / "a.pt")[:8] == "e3b0c442", "SHA-256 of nothing"
    assert fingerprint(tmp_path / "a.pt", tmp_path / "c.pt") != fingerprint(
        tmp_path / "c.pt", tmp_path / "a.pt"
    )


def test_pickled_and_bursting_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz", image_id=np.array([Code(os.system, f"touch {tmp_path / 's'}")], dtype=object)
    )
    with pytest.raises(ConfigError, match="plain arrays"):
        load_precomputed(tmp_path / "x.npz")
    assert not (tmp_path / "s").exists()
    data = io.BytesIO()
    np.save(data, np.zeros((1000, 1000)))
    with zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("image_emb.npy", data.getvalue())
    with pytest.raises(ConfigError, match="unpack to 8,000,128 bytes"):
        load_precomputed(tmp_path / "b.npz")


def test_weights_that_would_be_read_as_noise_are_named() -> None:
    bias = torch.zeros(3)
    for weight, fault in (
        (torch.ones(3, 4, dtype=torch.int8), "quantised: weight"),
        (torch.ones(3, 4).to(torch.float8_e4m3fn), "quantised: weight"),
        (torch.full((3, 4), float("nan"), dtype=torch.float16), "not finite: weight"),
    ):
        with pytest.raises(ConfigError, match=fault):
            fit(lambda: nn.Linear(4, 3), {"weight": weight, "bias": bias}, path=Path("x"))
    half = fit(
        lambda: nn.Linear(4, 3), {"weight": torch.full((3, 4), 0.5).half(), "bias": bias}, path=Path("x")
    )
    assert torch.equal(half.weight, torch.full((3, 4), 0.5))
