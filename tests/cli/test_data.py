"""The data commands: exit codes, one-line errors, what they print and what they leave on disk."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from adfair.cli.app import run
from adfair.data.manifest import load_cohort

MAPPING = {
    "name": "cli",
    "image_id": "id",
    "patient_id": "pid",
    "image_path": {"template": "{id}.png"},
    "split": {"column": "split"},
    "attributes": {
        "sex": {"column": "sex", "groups": ["F", "M"]},
        "site": {"column": "site", "groups": ["a", "b"]},
    },
    "findings": {"Edema": {"column": "edema"}},
}
CSV = """id,pid,split,sex,site,edema
i0,p0,train,F,a,1
i1,p1,val,M,b,0
i2,p2,test,,a,-1
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text(CSV)
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    for i in range(3):
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(tmp_path / f"i{i}.png")
    return tmp_path


def _import(source: Path, *more: str) -> int:
    mapping, out = str(source / "mapping.yaml"), str(source / "out")
    return run(["import", "table", str(source / "data.csv"), "--mapping", mapping, "--out", out, *more])


def test_import_then_check(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(source) == 0
    printed = capsys.readouterr().out
    for piece in ("rows of the table", "Raw texts and the groups", "F*a", "Unknown", "sentences are made"):
        assert piece in printed
    assert run(["check", str(source / "out")]) == 0
    printed = capsys.readouterr().out
    assert f"{source / 'out'}: valid" in printed.replace("\n", "")
    assert "3 of 3 images stay below a quarter of the grey scale" in printed


def test_import_refuses_to_overwrite_without_force(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(source) == 0
    capsys.readouterr()
    assert _import(source) == 2
    assert "Add --force" in capsys.readouterr().err
    assert _import(source, "--force", "--copy") == 0
    assert load_cohort(source / "out").info.image_root is None


def test_a_bad_row_is_one_line_and_exit_2(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "data.csv").write_text(CSV.replace("val,M", "val,male"))
    assert _import(source) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "row 2, column 'sex': text 'male' has no group" in captured.err
    assert not (source / "out").exists()


def test_check_finds_damaged_images_unless_told_not_to_look(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(source) == 0
    (source / "i1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    capsys.readouterr()
    assert run(["check", str(source / "out")]) == 2
    error = capsys.readouterr().err
    assert "row 2" in error
    assert "damaged" in error
    assert run(["check", str(source / "out"), "--skip-images"]) == 0
    assert "images not looked at" in capsys.readouterr().out


def test_check_accepts_a_changed_manifest_only_when_valid(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _import(source) == 0
    manifest = source / "out/manifest.csv"
    good = manifest.read_text()
    manifest.write_text(good.replace("p2", "p1"))
    assert run(["check", str(source / "out"), "--accept"]) == 2
    assert "row 3, column 'patient_id'" in capsys.readouterr().err
    manifest.write_text(good.replace("p2", "p3"))
    assert run(["check", str(source / "out")]) == 2
    assert "--accept" in capsys.readouterr().err
    assert run(["check", str(source / "out"), "--accept"]) == 0
    assert load_cohort(source / "out").table["patient_id"].tolist() == ["p0", "p1", "p3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "dicom", "x"], "no reader 'dicom'"),
        (["import", "table"], "needs SOURCE"),
        (["import", "table", "x.csv"], "--out COHORT is needed"),
        (["import", "table", "x.csv", "--out", "o"], "needs --mapping"),
        (["import", "table", "x.csv", "--out", "o", "--set", "views=all"], "'table' has no --set"),
        (["import", "chexpert", "x", "--out", "o", "--set", "view=all"], "view: unknown key"),
        (["import", "chexpert", "x", "--out", "o", "--mapping", "m"], "belongs to the reader 'table'"),
        (
            ["import", "mimic-cxr-jpg", "x", "--out", "o"],
            "expected mimic-cxr-2.0.0-metadata.csv, found x (is no",
        ),
        (["synth"], "--out COHORT is needed"),
        (["check", "nowhere"], "no such file"),
    ],
)
def test_what_the_user_can_mend_is_exit_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "list"]) == 0
    assert "table  any CSV" in capsys.readouterr().out
    assert run(["synth", "--preset", "list"]) == 0
    assert "default" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["import", "check", "synth"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"adfair {command}" in capsys.readouterr().out


def test_control_characters_of_a_table_do_not_reach_the_terminal(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = {"sex": {"column": "sex", "groups": ["F", "M"], "other": "unknown"}}
    (source / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {"attributes": attributes}))
    (source / "data.csv").write_text(CSV.replace("val,M", "val,\x1b[31m[bold]red"))
    assert _import(source) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "[bold]red" in printed


def test_a_report_mapped_as_an_attribute_is_not_printed(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attributes = {"sex": {"column": "sex", "groups": ["F", "M"], "other": "unknown"}}
    (source / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | {"attributes": attributes}))
    (source / "data.csv").write_text(CSV.replace("val,M", "val,JANE DOE has a small left effusion."))
    assert _import(source) == 0
    printed = capsys.readouterr().out
    assert "(35 characters)" in printed
    assert "JANE" not in printed


def test_prepare(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(source) == 0
    out = str(source / "out")
    (source / "i1.png").write_bytes(b"no image")
    assert run(["prepare", out, "--size", "16", "--workers", "1"]) == 2
    assert "row 2, column 'image_path': 1 of 3 images cannot be decoded" in capsys.readouterr().err
    assert run(["prepare", out, "--size", "16", "--workers", "1", "--max-bad", "40%"]) == 0
    printed = capsys.readouterr().out
    assert "left out of training and evaluation" in printed
    assert "cache of 3 images written" in printed.replace("\n", "")
    assert "2 of 2 images stay below a quarter of the grey scale" in printed
    assert run(["prepare", out, "--size", "16"]) == 0
    assert "is whole" in capsys.readouterr().out
    assert run(["prepare", out, "--max-bad", "few"]) == 2
    assert "--max-bad 'few': expected a share" in capsys.readouterr().err


def test_a_named_reader_takes_options_and_prints_every_raw_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from adfair.data.readers.chexpert_labels import FINDINGS

    (tmp_path / "train/patient1/study1").mkdir(parents=True)
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(
        tmp_path / "train/patient1/study1/view1_lateral.jpg"
    )
    header = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS])
    row = "CheXpert-v1.0/train/patient1/study1/view1_lateral.jpg,Woman,50,Lateral," + "," * len(FINDINGS)
    (tmp_path / "train.csv").write_text(f"{header}\n{row}\n")
    arguments = ["import", "chexpert", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run(arguments) == 2
    assert "no row is left after 'the view is AP or PA or frontal'" in capsys.readouterr().err
    assert run([*arguments, "--set", "views=all"]) == 0
    assert "Woman" in capsys.readouterr().out
