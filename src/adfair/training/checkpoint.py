"""A checkpoint on disk: a folder that is whole or is not there.

``checkpoints/step-000200/`` holds one ``NAME.safetensors`` for each part of the run, ``state.json`` for what are not
tensors, and ``manifest.json`` with the SHA-256 of each, written last. It is filled under another name, every file and
the folder are forced to the disk, and only then is it renamed: a kill or a power cut leaves the one before. There is no
pickle in it.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from adfair.data.staging import sync_folder
from adfair.errors import DataError

MANIFEST, FACTS, FORMAT = "manifest.json", "state.json", 2
Tensors = Mapping[str, Mapping[str, Tensor]]


def checkpoint_name(step: int) -> str:
    """``step-000200``."""
    return f"step-{step:06d}"


def write_checkpoint(folder: Path, step: int, tensors: Tensors, facts: Mapping[str, Any]) -> Path:
    """Write the state after ``step`` steps into a folder of its own below ``folder``.

    Args:
        tensors: by part, then by name. Parts without tensors get no file.
        facts: what JSON can hold.

    Raises:
        OSError: disk full, read-only, ...; whatever was there before is as it was.
    """
    folder.mkdir(exist_ok=True)
    target = folder / checkpoint_name(step)
    staging = Path(tempfile.mkdtemp(dir=folder, prefix=f".{target.name}."))
    try:
        staging.chmod(0o755)
        files = {}
        for part, values in tensors.items():
            if values:
                plain = {key: value.detach().cpu().contiguous() for key, value in values.items()}
                files[f"{part}.safetensors"] = _write(staging / f"{part}.safetensors", save(plain))
        files[FACTS] = _write(staging / FACTS, json.dumps({"step": step, **facts}, indent=1).encode())
        # No newline at its end: cut anywhere, it is no longer JSON.
        _write(staging / MANIFEST, json.dumps({"format": FORMAT, "step": step, "files": files}).encode())
        sync_folder(staging)
        _take_place(staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return target


def _take_place(staging: Path, target: Path) -> None:
    """Rename; a damaged checkpoint of the same step, which a resumed run has passed again, is put aside first."""
    aside = target.with_name(f".{target.name}.aside")
    if target.exists():
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(target, aside)
    os.rename(staging, target)
    sync_folder(target.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _write(path: Path, data: bytes) -> dict[str, Any]:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_checkpoint(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The tensors by part, and the facts, of a checkpoint, checked against its manifest.

    Raises:
        DataError: no manifest, or a file that is missing, cut short or changed; names it.
    """
    contents = {name: _checked(path / name, facts) for name, facts in _manifest(path).items()}
    tensors = {Path(name).stem: load(data) for name, data in contents.items() if name != FACTS}
    return tensors, json.loads(contents[FACTS])


def require_whole(path: Path) -> None:
    """Raise DataError where :func:`read_checkpoint` would."""
    for name, facts in _manifest(path).items():
        _checked(path / name, facts)


def _manifest(path: Path) -> dict[str, dict[str, Any]]:
    file = path / MANIFEST
    try:
        manifest = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise _damaged(file, "is missing") from None
    except (ValueError, OSError):
        raise _damaged(file, "is not whole") from None
    if manifest.get("format") != FORMAT:
        raise DataError.at(
            f"a checkpoint of format {manifest.get('format')}, and this version reads {FORMAT}",
            file=path,
            remedy="Go on with the version that wrote it.",
        )
    return manifest["files"]


def _checked(file: Path, facts: Mapping[str, Any]) -> bytes:
    try:
        data = file.read_bytes()
    except OSError:
        raise _damaged(file, "is missing") from None
    if len(data) != facts["bytes"]:
        raise _damaged(file, f"has {len(data):,} bytes instead of {facts['bytes']:,}")
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise _damaged(file, "is not what was written (SHA-256 differs)")
    return data


def _damaged(file: Path, what: str) -> DataError:
    return DataError.at(f"the checkpoint is damaged: this file {what}", file=file)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoint folders below ``folder``, newest first, whole or not."""
    found = [p for p in folder.glob("step-*") if p.is_dir() and p.name.removeprefix("step-").isdecimal()]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    """The steps that had been made; names are no numbers, since they may differ in length."""
    return int(checkpoint.name.removeprefix("step-"))


def newest_whole(folder: Path) -> tuple[Path | None, list[DataError]]:
    """The newest checkpoint that is whole, and what is wrong with each newer one."""
    damaged = []
    for path in checkpoints(folder):
        try:
            require_whole(path)
        except DataError as error:
            damaged.append(error)
        else:
            return path, damaged
    return None, damaged


def drop_old(folder: Path, *, written: int, keep: int) -> None:
    """Remove all but the newest ``keep`` checkpoints, and what killed runs have left half-written.

    Args:
        written: the step of the checkpoint that was just written. Those of later steps are from before a resumption
            that could not read them, and go too.
    """
    found = checkpoints(folder)
    kept = [path for path in found if step_of(path) <= written][:keep]
    for path in [*(path for path in found if path not in kept), *folder.glob(".step-*")]:
        if path.is_dir():
            # Renamed first: a kill in between leaves nothing that passes for a checkpoint.
            gone = path if path.name.startswith(".") else path.with_name(f".{path.name}.gone")
            if gone != path:
                os.rename(path, gone)
            shutil.rmtree(gone, ignore_errors=True)
