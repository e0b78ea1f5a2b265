"""A reader of pickles that can make tensors and plain data and nothing else.

Python's own pickle runs whatever a file names. PyTorch's ``weights_only`` reader runs no code, but lets a file of a
hundred bytes ask for any amount of memory (``bytearray(10**12)``) and stops at a configuration object. This reader
knows an even shorter list of names; what a checkpoint holds besides can be let in as inert data, by name.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import torch

from adfair.errors import ConfigError
from adfair.models.safe_zip import refuse

KINDS = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


@dataclass(frozen=True)
class Storage:
    """A run of ``count`` numbers in the member ``data/KEY`` of the archive."""

    key: str
    kind: torch.dtype
    count: int


@dataclass(frozen=True)
class Stored:
    """A tensor that has not been read yet; checked to lie within its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Of the tensor itself."""
        return prod(self.shape) * self.storage.kind.itemsize


class Inert:
    """Whatever object a file holds, as data: ``args`` it was made with, its ``__dict__``, ``items`` put into it."""

    args: tuple[Any, ...]
    items: dict[Any, Any]
    rows: list[Any]

    def __new__(cls, *args: Any) -> "Inert":  # pickles may make an object without calling __init__
        made = super().__new__(cls)
        made.args, made.items, made.rows = args, {}, []
        return made

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items[key] = value

    def append(self, value: Any) -> None:
        """As a list would."""
        self.rows.append(value)

    def extend(self, values: Any) -> None:
        """As a list would."""
        self.rows.extend(values)


def read_pickle(
    data: bytes, *, path: Path, sizes: dict[str, int], extra: Collection[str] = ()
) -> tuple[Any, list[Stored]]:
    """The object in ``data.pkl`` and the tensors in it, none of them read.

    Args:
        path: for messages.
        sizes: bytes of every storage by key.
        extra: names besides the known ones that may occur, as inert data: ``module.name``, or ``module.`` with its
            point for all that a module and its submodules have.

    Raises:
        ConfigError: a name that is not allowed, a tensor larger than its storage, a damaged pickle.
    """
    reader = _Reader(data, path, sizes, tuple(extra))
    try:
        return reader.load(), reader.tensors
    except ConfigError:
        raise
    except Exception:  # hostile bytes meet the machine of pickle here, which raises nearly anything
        refuse(path, "its data.pkl is damaged, or made to do more than hold data")


# Python's reader, not C's: its memo is a dict, where C's makes room for any index that a file names.
class _Reader(pickle._Unpickler):
    def __init__(self, data: bytes, path: Path, sizes: dict[str, int], extra: tuple[str, ...]) -> None:
        super().__init__(BytesIO(data))
        self.path, self.sizes, self.extra = path, sizes, extra
        self.tensors: list[Stored] = []
        # Made anew for every file, which may scribble on what it is given.
        self.known: dict[str, Any] = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_parameter": lambda tensor, requires_grad, hooks: tensor,
            "torch.Size": lambda sizes=(): tuple(sizes),
            **{f"torch.{name}": _kind(kind) for name, kind in KINDS.items()},
        }

    def find_class(self, module: str, name: str) -> Any:
        """An allowed name's stand-in."""
        full = f"{module}.{name}"
        inert = full in self.extra or any(e.endswith(".") and full.startswith(e) for e in self.extra)
        if full in self.known or inert:
            return self.known.get(full) or self.known.setdefault(full, type(full, (Inert,), {}))
        what, own = (
            f"it names {full[:100]!r}, which is not data",
            "If the model is your own, save model.state_dict().",
        )
        return refuse(self.path, what, f"Load only files that you trust. {own}")

    def get_extension(self, code: int) -> None:
        """Names by number come from the reading process, not the file."""
        raise pickle.UnpicklingError

    def persistent_load(self, pid: Any) -> Storage:
        """A storage, whose size must be that of its member."""
        tag, make, key, _, count = pid
        kind = make()
        if tag != "storage" or not isinstance(key, str) or type(count) is not int or key not in self.sizes:
            raise pickle.UnpicklingError
        if count * kind.itemsize != self.sizes[key]:
            refuse(
                self.path, f"storage {key[:20]} claims {count:,} numbers and has {self.sizes[key]:,} bytes"
            )
        return Storage(key, kind, count)

    def _tensor(self, storage: Storage, offset: int, shape: Any, stride: Any, *_: Any) -> Stored:
        assert isinstance(storage, Storage)
        whole = [offset, *shape, *stride]
        assert all(type(n) is int and n >= 0 for n in whole)
        assert len(shape) == len(stride) <= 8
        last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
        # A stride of 0 repeats one number without end: the size counts, not only the last index.
        if prod(shape) > storage.count or (prod(shape) and last >= storage.count):
            refuse(self.path, f"a tensor of shape {tuple(shape)} in a storage of {storage.count:,} numbers")
        self.tensors.append(Stored(storage, offset, tuple(shape), tuple(stride)))
        return self.tensors[-1]


def _kind(kind: torch.dtype) -> Callable[[], torch.dtype]:
    return lambda: kind
