"""Weights of strangers: safetensors first, else tensors and plain data out of a PyTorch archive, never code.

Every file is checked before memory is taken for it, and nothing falls back to a looser reader. What is loaded into
a network is compared name by name and shape by shape; a difference is an error that names it.
"""

import fnmatch
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from adfair.errors import ConfigError
from adfair.models.safe_pickle import Stored, read_pickle
from adfair.models.safe_zip import check_file, open_archive, refuse


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds: ``tree`` of plain data with :class:`Stored` where tensors are, or tensors themselves."""

    path: Path
    tree: Any
    archive: ZipFile | None = None
    root: str = ""

    def tensors(self, *keys: str) -> dict[str, Tensor]:
        """The tensors by name of the dict at ``keys``, read now; entries that are no tensors are left out.

        Raises:
            ConfigError: there is no such dict of tensors.
        """
        found = self.tree
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict) or not any(isinstance(v, Stored | Tensor) for v in found.values()):
            where = "".join(f"[{key!r}]" for key in keys)
            raise ConfigError(f"{self.path}: no tensors by name{' at ' + where if where else ''}")
        read: dict[str, Tensor] = {}
        return {str(n): self._tensor(v, read) for n, v in found.items() if isinstance(v, Stored | Tensor)}

    def _tensor(self, found: Stored | Tensor, read: dict[str, Tensor]) -> Tensor:
        if isinstance(found, Tensor):
            return found
        key, archive = found.storage.key, self.archive
        assert archive is not None
        if key not in read:
            try:
                data = bytearray(archive.read(f"{self.root}data/{key}"))
            except (BadZipFile, EOFError, OSError):
                refuse(self.path, f"storage {key} is damaged", "Download it again.")
            kind = found.storage.kind
            read[key] = torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
        return read[key].as_strided(found.shape, found.stride, found.offset)


def read_checkpoint(path: Path | str, *, extra: Collection[str] = ()) -> Checkpoint:
    """Read a ``.safetensors`` file or a PyTorch archive of any suffix.

    Args:
        extra: see ``safe_pickle.read_pickle``.

    Raises:
        ConfigError: anything but tensors, plain data and ``extra`` in it; a damaged, compressed or lying file.
    """
    path = Path(path)
    check_file(path)
    if path.suffix == ".safetensors":
        try:
            return Checkpoint(path, load_file(path))
        except (SafetensorError, OSError, ValueError):
            refuse(path, "not safetensors, or truncated", "Download it again.")
    archive, root = open_archive(path)
    try:
        order = archive.read(f"{root}byteorder") if f"{root}byteorder" in archive.namelist() else b"little"
        data = archive.read(f"{root}data.pkl")
    except (BadZipFile, EOFError, OSError):
        refuse(path, "the archive is truncated or damaged", "Download it again.")
    if order != b"little":
        refuse(path, "its numbers are in the byte order of another kind of machine")
    prefix = f"{root}data/"
    sizes = {
        m.filename.removeprefix(prefix): m.file_size
        for m in archive.infolist()
        if m.filename.startswith(prefix)
    }
    tree, tensors = read_pickle(data, path=path, sizes=sizes, extra=extra)
    # Tied weights share a storage; more than that would make a small file fill the memory.
    if sum(tensor.nbytes for tensor in tensors) > 4 * path.stat().st_size:
        refuse(path, "many tensors claim the same bytes")
    return Checkpoint(path, tree, archive, root)


def find_file(folder: Path, names: Sequence[str], *, what: str) -> Path:
    """The first of ``names`` (patterns allowed) in a folder, or the file itself where a file is given.

    Raises:
        ConfigError: none, or several of one pattern.
    """
    if not folder.is_dir():
        check_file(folder)
        return folder
    for name in names:
        found = sorted(p for p in folder.glob(name) if not p.is_dir())
        if len(found) > 1:
            raise ConfigError(
                f"{folder}: several {what}: {', '.join(p.name for p in found)}. Name one of them"
            )
        if found:
            return found[0]
    raise ConfigError(f"{folder}: no {what}; expected {' or '.join(names)}")


def fit(
    build: Callable[[], nn.Module],
    tensors: Mapping[str, Tensor],
    *,
    path: Path,
    ignore: Iterable[str] = (),
) -> Any:
    """Build a network and fill it with exactly these tensors, as float32, in evaluation mode.

    It is first built without memory, so that a file cannot ask for a network larger than its own tensors.

    Args:
        build: makes the network; called twice.
        ignore: patterns of names that a file may have besides.

    Raises:
        ConfigError: names missing, unexpected, wrongly shaped, quantised and not finite tensors.
    """
    patterns = list(ignore)
    given = {n: t for n, t in tensors.items() if not any(fnmatch.fnmatchcase(n, p) for p in patterns)}
    with torch.device("meta"):
        built = build().state_dict()
    wanted = {name: tensor.shape for name, tensor in built.items()}
    faults = {
        "missing": [n for n in wanted if n not in given],
        "unexpected": [n for n in given if n not in wanted],
        "wrongly shaped": [
            f"{n} {list(given[n].shape)} instead of {list(shape)}"
            for n, shape in wanted.items()
            if n in given and given[n].shape != shape
        ],
        # Whole numbers or single bytes would be read as weights without the scales that they were rounded by.
        "quantised": [
            n
            for n, tensor in given.items()
            if n in built and built[n].is_floating_point() and not _plain(tensor.dtype)
        ],
        "not finite": [
            n for n, tensor in given.items() if _plain(tensor.dtype) and not tensor.isfinite().all()
        ],
    }
    if any(faults.values()):
        told = "; ".join(f"{what}: {_some(names)}" for what, names in faults.items() if names)
        raise ConfigError(f"{path}: the weights do not fit the architecture. {told}")
    with torch.random.fork_rng(
        devices=[]
    ):  # random starts are overwritten and must not move the global state
        net = build()
    # The names are the current ones, so the versions of the layers are too; some refuse weights without any.
    state = OrderedDict(given)
    state._metadata = net.state_dict()._metadata  # type: ignore[attr-defined]
    net.load_state_dict(state)
    return net.float().eval().requires_grad_(False)


def _plain(dtype: torch.dtype) -> bool:
    return dtype.is_floating_point and dtype.itemsize > 1


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def fingerprint(*paths: Path) -> str:
    """SHA-256 of one file, or of the hashes of several in the order given."""
    hashes = []
    for path in paths:
        with path.open("rb") as file:
            hashes.append(hashlib.file_digest(file, "sha256").hexdigest())
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
