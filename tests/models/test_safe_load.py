"""Files that were made to harm: nothing in them runs, no memory is taken for them, and the error says what it is."""

import io
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from adfair.errors import ConfigError
from adfair.models.adapters.precomputed import load as load_precomputed
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint
from adfair.models.safe_pickle import Inert

STATE = OrderedDict(
    weight=torch.arange(12.0).reshape(3, 4), bias=torch.tensor([1, 2, 3], dtype=torch.float16)
)


class Code:
    """An object whose reading would run ``run(*arguments)``."""

    def __init__(self, run: Callable, *arguments: object) -> None:
        self.how = (run, arguments)

    def __reduce__(self) -> tuple:
        return self.how


def archive(
    path: Path, data: bytes, storages: dict[str, bytes], *, compress: bool = False, root: str = "x/"
) -> Path:
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr(f"{root}data.pkl", data)
        for key, value in storages.items():
            file.writestr(f"{root}data/{key}", value)
    return path


def global_(name: str) -> bytes:
    module, _, attribute = name.rpartition(".")
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def tensor(shape: tuple[int, ...], stride: tuple[int, ...], *, count: int) -> bytes:
    """The pickle of {"w": a tensor of ``shape``} in a storage that claims ``count`` floats."""

    def plain(value: object) -> bytes:
        return pickle.dumps(value, protocol=0)[:-1]

    storage = (
        b"("
        + plain("storage")
        + global_("torch.FloatStorage")
        + plain("0")
        + plain("cpu")
        + plain(count)
        + b"tQ"
    )
    rebuilt = (
        global_("torch._utils._rebuild_tensor_v2") + b"(" + storage + plain(0) + plain(shape) + plain(stride)
    )
    return b"(" + plain("w") + rebuilt + plain(False) + plain({}) + b"tRd."


def code_in_pickle(folder: Path, sentinel: Path) -> Path:
    torch.save({"w": Code(os.system, f"touch {sentinel}")}, folder / "x.pt")
    return folder / "x.pt"


def code_by_a_known_name(folder: Path, sentinel: Path) -> Path:
    torch.save({"w": Code(eval, f"open({str(sentinel)!r}, 'w')")}, folder / "x.pt")
    return folder / "x.pt"


def whole_program(folder: Path, sentinel: Path) -> Path:
    torch.save(nn.Linear(2, 2), folder / "x.pt")
    return folder / "x.pt"


def bare_pickle(folder: Path, sentinel: Path) -> Path:
    (folder / "x.pt").write_bytes(pickle.dumps(Code(os.system, f"touch {sentinel}")))
    return folder / "x.pt"


def zip_bomb(folder: Path, sentinel: Path) -> Path:
    return archive(
        folder / "x.pt", tensor((1 << 22,), (1,), count=1 << 22), {"0": bytes(1 << 24)}, compress=True
    )


def absolute_path(folder: Path, sentinel: Path) -> Path:
    return archive(folder / "x.pt", tensor((1,), (1,), count=1), {"0": bytes(4)}, root="/tmp/x/")


def parent_path(folder: Path, sentinel: Path) -> Path:
    return archive(folder / "x.pt", tensor((1,), (1,), count=1), {"../../0": bytes(4), "0": bytes(4)})


def huge_storage(folder: Path, sentinel: Path) -> Path:
    return archive(folder / "x.pt", tensor((10**12,), (1,), count=10**12), {"0": bytes(4)})


def huge_view(folder: Path, sentinel: Path) -> Path:
    return archive(folder / "x.pt", tensor((10**6, 10**6), (0, 0), count=1), {"0": bytes(4)})


def huge_object(folder: Path, sentinel: Path) -> Path:
    # PyTorch's own weights_only reader would make these ten gigabytes.
    torch.save({"w": Code(bytearray, 10**10)}, folder / "x.pt")
    return folder / "x.pt"


def huge_memo(folder: Path, sentinel: Path) -> Path:
    # C's reader of pickles would make room for two thousand million entries.
    return archive(folder / "x.pt", b"\x80\x02}r" + struct.pack("<I", 2**31 - 1) + b".", {})


def truncated(folder: Path, sentinel: Path) -> Path:
    torch.save(STATE, folder / "whole.pt")
    data = (folder / "whole.pt").read_bytes()
    (folder / "x.pt").write_bytes(data[: len(data) * 2 // 3])
    return folder / "x.pt"


def linked(folder: Path, sentinel: Path) -> Path:
    torch.save(STATE, folder / "elsewhere.pt")
    (folder / "x.pt").symlink_to(folder / "elsewhere.pt")
    return folder / "x.pt"


def linked_member(folder: Path, sentinel: Path) -> Path:
    path = archive(folder / "x.pt", tensor((1,), (1,), count=1), {})
    with zipfile.ZipFile(path, "a") as file:
        member = zipfile.ZipInfo("x/data/0")
        member.external_attr = 0o120777 << 16
        file.writestr(member, "/etc/passwd")
    return path


def lying_safetensors(folder: Path, sentinel: Path) -> Path:
    header = b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    return folder / "x.safetensors"


def overwritten_number(folder: Path, sentinel: Path) -> Path:
    torch.save({"w": torch.ones(1000)}, folder / "x.pt")
    data = bytearray((folder / "x.pt").read_bytes())
    place = data.index(torch.ones(8).numpy().tobytes())
    data[place] ^= 1
    (folder / "x.pt").write_bytes(data)
    return folder / "x.pt"


HOSTILE = {
    code_in_pickle: r"names '(posix|os)\.system', which is not data",
    code_by_a_known_name: r"names '(builtins|__builtin__)\.eval'",
    whole_program: "names 'torch.nn.modules.linear.Linear'",
    bare_pickle: "neither safetensors nor an archive",
    zip_bomb: "compressed",
    absolute_path: "leads out of the archive",
    parent_path: "leads out of the archive",
    huge_storage: r"claims 1,000,000,000,000 numbers and has 4 bytes",
    huge_view: r"shape \(1000000, 1000000\) in a storage of 1 numbers",
    huge_object: "bytearray",
    huge_memo: "no tensors by name",
    truncated: "truncated or damaged",
    linked: "symbolic link",
    linked_member: "symbolic link",
    lying_safetensors: "not safetensors, or truncated",
    overwritten_number: "storage 0 is damaged",
}


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
