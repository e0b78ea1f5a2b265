"""A hundred canaries in reports, ids, tags and file names, and where none of them may ever be.

What each place may hold, from the contract, the error rules of ``adfair.errors`` and docs/ethics.md:

- The cohort is where patient data live: its manifest has all of it; ``images.csv``, ``refused.csv`` and shards of the
  cache have image ids, and so has the list of left-out patients that ``adfair balance`` is asked for.
- ``predictions.csv`` and ``embeddings.npz`` are tables of images that a user asked for: image and patient ids. Never a
  report, a study, a file name or a tag.
- Everything else has none of them: the terminal, tracebacks (also of damaged rows and files, and of our own faults),
  the run folder with its log, environment, checkpoints and TensorBoard files, metrics, audits, the page. Messages
  point at rows and columns instead.

The value of a group, split, label or age that is not allowed is quoted where it is short, since only that shows what
to map; a longer one, which may be a report in the wrong column, is described by its length.
"""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.canaries import Heard, canary, in_files, planted, source_table

MAPPING = {
    "name": "planted",
    "image_id": "image_id",
    "patient_id": "patient_id",
    "study_id": "study_id",
    "image_path": "image_path",
    "report": "report",
    "split": "split",
    "age": "age",
    "attributes": {
        "race": {"column": "race", "groups": ["Asian", "Black", "White"]},
        "sex": {"column": "sex", "groups": ["F", "M"]},
    },
    "findings": {name: name for name in ("Cardiomegaly", "Consolidation", "Edema")},
}


@pytest.fixture(scope="module")
def cohort(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it, never change it."""
    return planted(small_cohort, tmp_path_factory.mktemp("planted") / "cohort")


def test_the_search_finds_what_it_should(cohort: Path, heard: Heard, tmp_path: Path) -> None:
    assert in_files(cohort) == [
        "FILE-CANARY",
        "IMAGE-CANARY",
        "PATIENT-CANARY",
        "REPORT-CANARY",
        "STUDY-CANARY",
    ]
    assert (cohort / "manifest.csv").read_text().count("REPORT-CANARY") == 100
    np.savez_compressed(tmp_path / "x.npz", ids=np.array([canary("IMAGE", 3)]))
    assert in_files(tmp_path) == ["IMAGE-CANARY"]
    heard.call(lambda: 1 / len(canary("TAG", 0)[:0]))
    heard.call(lambda: {}[canary("TAG", 0)])
    assert heard.leaks() == ["TAG-CANARY"]


def shift(table: pd.DataFrame, column: str, source: str) -> None:
    table.loc[4, column] = table.loc[4, source]


SPOILT: dict[str, Callable[[pd.DataFrame], object]] = {
    "nothing": lambda t: None,
    "a file that is not there": lambda t: t.__setitem__("image_path", t["image_path"].str.replace("CANARY004", "CANARY999")),
    "a path that leads out": lambda t: t.__setitem__("image_path", "../" + t["image_path"]),
    "an id twice": lambda t: t.__setitem__("image_id", t["image_id"].iloc[0]),
    "an empty report": lambda t: t.loc.__setitem__((4, "report"), " "),
    "a patient in two splits": lambda t: t.__setitem__("patient_id", t["patient_id"].iloc[0]),
    "a file of two patients": lambda t: t.__setitem__("image_path", t["image_path"].iloc[0]),
    **{
        f"the report as {column}": lambda t, column=column: shift(t, column, "report")
        for column in ("race", "sex", "Edema", "age", "split", "image_path")
    },
    "no header": lambda t: t.set_axis(t.iloc[0], axis=1),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPOILT)
def test_import_and_its_faults(cohort: Path, tmp_path: Path, heard: Heard, fault: str) -> None:
    table = source_table(cohort, tmp_path / "source.csv")
    spoilt = SPOILT[fault](table)
    table = table if spoilt is None else spoilt
    table.to_csv(tmp_path / "source.csv", index=False)
    rules = MAPPING | {"images": {"root": str(cohort)}}
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(rules))
    words = ["import", "table", tmp_path / "source.csv", "--mapping", tmp_path / "mapping.yaml"]
    code = heard(*words, "--out", tmp_path / "made")
    assert code == (0 if fault == "nothing" else 2), heard.texts
    assert heard.leaks() == []
    if fault == "nothing":
        assert heard("check", tmp_path / "made") == 0
        assert heard("diagnose", tmp_path / "made", "--out", tmp_path / "found") == 0, heard.texts[
            -3
        ].decode()
        assert heard.leaks() == in_files(tmp_path / "found") == []
        assert in_files(tmp_path / "made", but=["manifest.csv"]) == []


@pytest.mark.parametrize(
    "how", ["a comma without quotes", "a stray quote", "not UTF-8", "a file found twice"]
)
def test_import_of_tables_that_are_none(cohort: Path, tmp_path: Path, heard: Heard, how: str) -> None:
    file, rules = tmp_path / "source.csv", MAPPING | {"images": {"root": str(cohort)}}
    table = source_table(cohort, file)
    data = file.read_bytes()
    if how == "a comma without quotes":
        data = data.replace(b"REPORT-CANARY004.", b"REPORT-CANARY004, and")
    elif how == "a stray quote":
        data = data.replace(b"REPORT-CANARY004.", b'REPORT-CANARY004."')
    elif how == "not UTF-8":
        data = data.replace(b"REPORT-CANARY004.", b"REPORT-CANARY004\xff")
    else:
        table["image_path"] = table["image_path"].str.rpartition("/")[2]
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / table["image_path"].iloc[0]).touch()
        rules = MAPPING | {"images": {"root": ".", "search": ["a", "b"]}}
        data = table.to_csv(index=False).encode()
    file.write_bytes(data)
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(rules))
    assert (
        heard("import", "table", file, "--mapping", tmp_path / "mapping.yaml", "--out", tmp_path / "made")
        == 2
    )
    assert heard.leaks() == []


NIH = {
    "Image Index": [f"{canary('FILE', i)}.png" for i in range(100)],
    "Finding Labels": ["No Finding"] * 100,
    "Follow-up #": ["0"] * 100,
    "Patient ID": [canary("PATIENT", i) for i in range(100)],
    "Patient Age": ["50"] * 100,
    "Patient Gender": ["F", "M"] * 50,
    "View Position": ["PA"] * 100,
}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("", ""),
        ("Finding Labels", canary("REPORT", 3) + " and more text"),
        ("Patient Gender", canary("REPORT", 3) * 3),
    ],
)
def test_named_readers_without_their_images_or_with_faults(
    tmp_path: Path, heard: Heard, column: str, cell: str
) -> None:
    table = pd.DataFrame(NIH)
    if column:
        table.loc[3, column] = cell
        (tmp_path / "images").mkdir()
        for name in table["Image Index"]:
            (tmp_path / "images" / name).touch()
    table.to_csv(tmp_path / "Data_Entry_2017.csv", index=False)
    assert heard("import", "nih", tmp_path, "--out", tmp_path / "made") == 2
    assert heard.leaks() == []


@pytest.mark.parametrize(
    "reader", ["nih", "chexpert", "chexpert-plus", "mimic-cxr", "padchest", "indiana", "fairvlmed"]
)
def test_a_folder_that_is_not_the_data_set(tmp_path: Path, heard: Heard, reader: str) -> None:
    for i in range(100):
        (tmp_path / f"{canary('FILE', i)}.png").touch()
        (tmp_path / canary("PATIENT", i)).mkdir()
    (tmp_path / "other.csv").write_text(f"{canary('PATIENT', 0)},{canary('REPORT', 0)}\n")
    assert heard("import", reader, tmp_path, "--out", tmp_path / "made") == 2
    assert heard("import", reader, tmp_path / "other.csv", "--out", tmp_path / "made") == 2
    assert heard.leaks() == []


def test_reports_in_an_archive(tmp_path: Path, heard: Heard) -> None:
    image = f'<parentImage id="{canary("FILE", 0)}"/>'
    for text in (
        f'<a><uId id="{canary("STUDY", 0)}"/>{image}</a>',
        f"<{canary('REPORT', 0)}/>",
        "<a>REPORT-CANARY000",
    ):
        with tarfile.open(tmp_path / "r.tgz", "w:gz") as archive:
            for name in (canary("PATIENT", 1), canary("PATIENT", 2)):
                member = tarfile.TarInfo(f"{name}.xml")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        assert heard("import", "indiana", tmp_path / "r.tgz", "--out", tmp_path / "made") == 2
    assert heard.leaks() == []
