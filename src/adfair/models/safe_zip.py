"""The archive that PyTorch saves: a zip of stored members, checked before anything in it is read.

``torch.save`` stores its members uncompressed, so a compressed one is not PyTorch's, and no archive can hold more
than its own size. That, not a limit, is what makes zip bombs impossible here.
"""

import re
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO, NoReturn

from adfair.errors import ConfigError

MAX_MEMBERS, MAX_DIRECTORY = 100_000, 16 << 20
MAX_PICKLE = 16 << 20
"""Bytes of ``data.pkl``; that of a model with thousands of tensors is below one million."""

_OUTSIDE = re.compile(r"^[/\\~]|\\|^[A-Za-z]:|(?:^|/)\.\.(?:/|$)|[\x00-\x1f]")
_LFS = b"version https://git-lfs"


def refuse(path: Path, why: str, remedy: str = "") -> NoReturn:
    """Raise the ConfigError of a file that is not loaded."""
    raise ConfigError(f"{path}: refused, {why}." + (f" {remedy}" if remedy else ""))


def check_file(path: Path) -> None:
    """A regular file, not a link, that is not the mere pointer to one. Raises ConfigError."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        raise ConfigError(f"{path}: no such file") from None
    if stat.S_ISLNK(mode):
        refuse(
            path, "a symbolic link may lead anywhere", "Copy the file (cp -L) or name the one it leads to."
        )
    if not stat.S_ISREG(mode):
        refuse(path, "not a file")
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            refuse(path, "a Git LFS pointer, not the weights", "Fetch them with 'git lfs pull'.")


def open_archive(path: Path) -> tuple[zipfile.ZipFile, str]:
    """The archive of a checkpoint and the folder that its members lie in.

    Raises:
        ConfigError: not such an archive, truncated, or with a member that PyTorch would not have written.
    """
    check_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            refuse(
                path,
                "neither safetensors nor an archive of PyTorch 1.6 or later",
                "Load it in an environment without network and without your files, and save its tensors as "
                "safetensors.",
            )
        _check_directory(file, path, size)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        refuse(path, "the archive is truncated or damaged", "Download it again.")
    members = archive.infolist()
    for member in members:
        _check_member(path, member)
    if sum(member.file_size for member in members) > size:
        refuse(path, "members claim more bytes than the file has")
    found = [m.filename for m in members if m.filename.endswith("/data.pkl") or m.filename == "data.pkl"]
    if len(found) != 1 or archive.getinfo(found[0]).file_size > MAX_PICKLE:
        refuse(path, "not one data.pkl of reasonable size in it")
    return archive, found[0].removesuffix("data.pkl")


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    # zipfile cuts a name at its first zero byte and keeps the original beside it.
    if _OUTSIDE.search(name) or _OUTSIDE.search(member.orig_filename):
        refuse(path, f"member {name[:80]!r} leads out of the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        refuse(path, f"member {name[:80]!r} is a symbolic link")
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        refuse(path, f"member {name[:80]!r} is compressed, which PyTorch's never are")


def _check_directory(file: BinaryIO, path: Path, size: int) -> None:
    """The list of members is read whole by zipfile, so its size is looked at first."""
    file.seek(max(0, size - (1 << 16) - 200))
    tail = file.read()
    ends = [tail.rfind(mark) for mark in (b"PK\x05\x06", b"PK\x06\x06")]
    if ends[0] < 0:
        refuse(path, "the archive is truncated or damaged", "Download it again.")
    length = int.from_bytes(tail[ends[0] + 12 : ends[0] + 16], "little")
    count = int.from_bytes(tail[ends[0] + 10 : ends[0] + 12], "little")
    if ends[1] >= 0:
        length = int.from_bytes(tail[ends[1] + 40 : ends[1] + 48], "little")
        count = int.from_bytes(tail[ends[1] + 32 : ends[1] + 40], "little")
    if length > MAX_DIRECTORY or count > MAX_MEMBERS:
        refuse(path, f"a list of {count:,} members")
