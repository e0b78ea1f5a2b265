"""Makers of files that were made to harm, and what their refusal says."""

import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

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
