"""The archive of Indiana reports: read whole or refused, and never unpacked."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from adfair.data.readers.indiana_xml import MAX_BYTES, read_archive
from adfair.errors import DataError

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR{n}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">{indication}</AbstractText>
<AbstractText Label="FINDINGS"/>
<AbstractText Label="IMPRESSION">Heart
   enlarged &amp; stable.</AbstractText>
</Abstract></Article></MedlineCitation>
<MeSH><major>Cardiomegaly/mild</major><major>Opacity/lung/base/left</major></MeSH>
{images}</eCitation>"""


def report(n: int, *, images: int = 1, indication: str = "Cough") -> bytes:
    """One report of the look-alike archive."""
    names = "".join(
        f'<parentImage id="CXR{n}_IM-{i}"><figureId>F1</figureId></parentImage>' for i in range(images)
    )
    return REPORT.format(n=n, images=names, indication=indication).encode()


def write_archive(file: Path, members: list[tuple[str, bytes | str]]) -> Path:
    """A .tgz of files (bytes) and symbolic links (str), names as they are given."""
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return file


def test_reports_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    members: list[tuple[str, bytes | str]] = [
        ("ecgen-radiology/10.xml", report(10, images=0)),
        ("ecgen-radiology/2.xml", report(2, images=2)),
        ("README.txt", b"not a report"),
    ]
    reports, images = read_archive(write_archive(tmp_path / "a.tgz", members))
    assert reports["uid"].tolist() == ["CXR2", "CXR10"]
    assert reports.iloc[0].to_dict() == {
        "uid": "CXR2",
        "MeSH": "Cardiomegaly/mild;Opacity/lung/base/left",
        "indication": "Cough",
        "comparison": "None.",
        "findings": "",
        "impression": "Heart enlarged & stable.",
    }
    assert images.to_dict("list") == {
        "uid": ["CXR2", "CXR2"],
        "image": ["CXR2_IM-0.png", "CXR2_IM-1.png"],
        "view": ["", ""],
    }


HOSTILE: list[tuple[list[tuple[str, bytes | str]], str]] = [
    ([("../../1.xml", report(1))], r"file 1 of the archive: the name leads out of the archive"),
    ([("/etc/1.xml", report(1))], "the name leads out of the archive"),
    ([("a\\1.xml", report(1))], "the name leads out of the archive"),
    ([("1.xml", "/etc/passwd")], "a link or a device"),
    ([("1.xml", report(1)), ("2.xml", report(1))], "file 2 of the archive: a report that is there twice"),
    ([("1.xml", report(1)), ("2.xml", report(1).replace(b"uId id", b"uId it"))], "file 2 of the archive: expected <uId id=...>"),
    ([("1.xml", report(1, images=1) [:-30])], "file 1 of the archive: not well-formed XML"),
    ([("1.xml", b"\x00" * (MAX_BYTES + 1))], "more than 1,048,576 bytes"),
    ([("1.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")], "a document type"),
    ([("1.xml", b"<?xml version='1.0' encoding='utf-77'?><a/>")], "not well-formed XML"),
    ([("1.txt", b"")], r"no report in the archive. Expected \*\.xml"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "message"), HOSTILE)
def test_hostile_archives(tmp_path: Path, members: list[tuple[str, bytes | str]], message: str) -> None:
    file = write_archive(tmp_path / "a.tgz", members)
    with pytest.raises(DataError, match=message):
        read_archive(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


def test_an_image_of_two_reports(tmp_path: Path) -> None:
    twice = report(2).replace(b"CXR2_IM", b"CXR1_IM")
    file = write_archive(tmp_path / "a.tgz", [("1.xml", report(1)), ("2.xml", twice)])
    with pytest.raises(DataError, match=r"file 2 of the archive: an image that another"):
        read_archive(file)


def test_an_archive_that_ends_early_is_never_taken_for_whole(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "a.tgz", [(f"{n}.xml", report(n)) for n in range(30)]).read_bytes()
    for cut in range(0, len(whole), len(whole) // 40):
        (tmp_path / "b.tgz").write_bytes(whole[:cut])
        with pytest.raises(DataError, match="damaged or ends early"):
            read_archive(tmp_path / "b.tgz")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-4] + b"\0\0\0\0",
        lambda whole: whole[:200] + b"\xff" * 20 + whole[220:],
        lambda whole: b"no archive at all",
        lambda whole: gzip.compress(b"no archive at all" * 100),
        lambda whole: gzip.compress(gzip.decompress(whole)[:-9000]),
    ],
)
def test_a_damaged_archive(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    whole = write_archive(tmp_path / "a.tgz", [(f"{n}.xml", report(n)) for n in range(30)]).read_bytes()
    (tmp_path / "b.tgz").write_bytes(damage(whole))
    with pytest.raises(DataError, match="damaged or ends early"):
        read_archive(tmp_path / "b.tgz")


def test_a_report_in_utf_16_cannot_hide_a_document_type(tmp_path: Path) -> None:
    hidden = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    file = write_archive(tmp_path / "a.tgz", [("1.xml", hidden.encode("utf-16"))])
    with pytest.raises(DataError, match=r"file 1 of the archive: a document type or UTF-16"):
        read_archive(file)
