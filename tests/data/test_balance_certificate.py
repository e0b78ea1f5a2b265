"""What a certificate says, and that a list is checked against it."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data.balance_certificate import certificate_page, certify, list_hash, read_list, write_certificate
from adfair.data.manifest import Cohort
from adfair.errors import DataError

CELLS = pd.DataFrame(
    {
        "finding": ["Edema"] * 2,
        "group": ["F", "M"],
        "wanted": 2,
        "candidate_images": [3, 4],
        "candidate_patients": [2, 3],
    }
)


def test_counts_ages_and_views_by_cell(cohort: Cohort, tmp_path: Path) -> None:
    chosen = cohort.table.iloc[:3].assign(finding="Edema", group=["F", "F", "M"], age=[30.0, 40.0, np.nan])
    made = certify(cohort, chosen, CELLS, {"rule": "gloria", "seed": 0})
    women, men = made["cells"]
    assert (women["images"], women["age_mean"], women["age_sd"]) == (2, 35.0, round(np.sqrt(50), 2))
    assert (men["age_mean"], men["age_sd"], men["age_unknown"], men["views"]) == (None, None, 1, {"AP": 1})
    assert made["list_sha256"] == hashlib.sha256(b"i0\ni1\ni2").hexdigest() == list_hash(["i2", "i0", "i1"])
    assert "| Edema | F | 2 | 2 | 2 | 35.0 (7.07) | 0 | AP 1, PA 1 |" in certificate_page(made)
    write_certificate(tmp_path, made, chosen)
    assert read_list(tmp_path / "ids.csv") == ["i0", "i1", "i2"]
    assert (tmp_path / "exclude_patients.csv").read_text() == "patient_id\np0\np1\n"


@pytest.mark.parametrize(
    ("text", "message"), [("id\na\n", "column is absent"), ("image_id\na\nb\na\n", "row 3: an image twice")]
)
def test_lists_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "ids.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_list(tmp_path / "ids.csv")
    (tmp_path / "ids.csv").write_text("image_id\na\n")
    assert read_list(tmp_path / "ids.csv", sha256=list_hash(["a"])) == ["a"]
    with pytest.raises(DataError, match="SHA-256 differs"):
        read_list(tmp_path / "ids.csv", sha256="0")


@pytest.mark.parametrize("text", ["{", "[1]", "{}", pytest.param("[" * 100_000, id="deep"), "\xff"])
def test_a_certificate_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("image_id\na\n")
    (tmp_path / "certificate.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"certificate\.json: not a certificate with list_sha256.*--sha256"):
        read_list(tmp_path / "ids.csv")
    assert read_list(tmp_path / "ids.csv", sha256=list_hash(["a"]).upper()) == ["a"]


def test_a_list_may_have_a_byte_order_mark_but_not_be_empty(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_bytes(b"\xef\xbb\xbfimage_id\r\na\r\n")
    assert read_list(tmp_path / "ids.csv") == ["a"]
    (tmp_path / "ids.csv").write_text("image_id\n")
    with pytest.raises(DataError, match="the list is empty"):
        read_list(tmp_path / "ids.csv")
