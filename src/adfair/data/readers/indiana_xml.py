"""The archive of Indiana reports, read as a stream: nothing is unpacked, so no name in it can lead anywhere."""

import gzip
import tarfile
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from adfair.errors import DataError

SECTIONS = {"INDICATION": "indication", "COMPARISON": "comparison", "FINDINGS": "findings"}
SECTIONS |= {"IMPRESSION": "impression"}
MAX_BYTES = 1 << 20
"""Of one report; the real ones have at most 9 kB."""
MAX_MEMBERS = 100_000


def read_archive(file: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every report of the archive and every image that it names, in the order of their numbers.

    Returns:
        Reports with columns uid, MeSH (terms joined by ';'), indication, comparison, findings, impression;
        images with columns uid, image (file name), view ('' here).

    Raises:
        DataError: the archive is cut short or damaged, holds a link, a device or a path out of itself, a file
            that is no report, or a report or an image twice.
    """
    reports: dict[str, dict[str, str]] = {}
    images: dict[str, str] = {}
    for _, number, data in sorted(_members(file), key=lambda member: (len(member[0]), *member)):
        uid, report, names = _parse(data, file=file, number=number)
        if uid in reports:
            raise _fault("a report that is there twice", file, number)
        reports[uid] = report
        for image in names:
            if image in images:
                raise _fault("an image that another report names too", file, number)
            images[image] = uid
    if not reports:
        raise DataError.at("no report in the archive", file=file, remedy="Expected *.xml files in a .tgz.")
    table = pd.DataFrame.from_dict(reports, orient="index").rename_axis("uid").reset_index()
    pictures = pd.DataFrame({"uid": list(images.values()), "image": [f"{name}.png" for name in images]})
    return table, pictures.astype(str).assign(view="")


def _members(file: Path) -> Iterator[tuple[str, int, bytes]]:
    """Name, number in the archive (from 1) and content of every XML file."""
    try:
        # Through gzip, which checks the sum at the end as tarfile's own decoder does not.
        with gzip.open(file) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for number, member in enumerate(archive, 1):
                _check_member(member, file, number)
                if member.isfile() and member.name.endswith(".xml"):
                    stream = archive.extractfile(member)
                    assert stream is not None, "a plain file has content"
                    yield member.name, number, stream.read()
            while unpacked.read(MAX_BYTES):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        raise DataError.at(
            "the archive is damaged or ends early", file=file, remedy="Download it again."
        ) from None


def _check_member(member: tarfile.TarInfo, file: Path, number: int) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise _fault("the name leads out of the archive", file, number)
    if not (member.isfile() or member.isdir()):
        raise _fault("a link or a device, not a plain file", file, number)
    if member.size > MAX_BYTES or number > MAX_MEMBERS:
        raise _fault(f"more than {MAX_BYTES:,} bytes or {MAX_MEMBERS:,} files", file, number)


def _parse(data: bytes, *, file: Path, number: int) -> tuple[str, dict[str, str], list[str]]:
    """uid, the texts and terms, and the image names of one report."""
    # A zero byte is UTF-16, in which the other two would not be found.
    if b"<!ENTITY" in data or b"<!DOCTYPE" in data or b"\0" in data:
        raise _fault("a document type or UTF-16, which no report has", file, number)
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError):
        raise _fault("not well-formed XML", file, number) from None
    own = root.find("uId")
    uid = own.get("id", "") if own is not None else ""
    if not uid:
        raise _fault("expected <uId id=...>, which is not there", file, number)
    texts = dict.fromkeys(SECTIONS.values(), "")
    for part in root.iter("AbstractText"):
        section = SECTIONS.get(part.get("Label", ""))
        if section:
            texts[section] = " ".join((part.text or "").split())
    terms = ";".join((term.text or "").strip() for term in root.iter("major"))
    names = [image.get("id", "") for image in root.iter("parentImage")]
    return uid, {"MeSH": terms, **texts}, names


def _fault(what: str, file: Path, number: int) -> DataError:
    return DataError.at(
        f"file {number:,} of the archive: {what}", file=file, remedy="Download the archive again."
    )
