"""The mappings in ``examples/mappings`` read what they are for."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import import_table

EXAMPLES = Path(__file__).parents[3] / "examples" / "mappings"


def _nih_archive(folder: Path, *, layout: list[str]) -> Path:
    table = pd.DataFrame(
        {
            "Image Index": [f"{i:08d}_000.png" for i in range(30)],
            "Finding Labels": ["No Finding", "Pneumonia|Edema", "Hernia|Mass|Nodule"] * 10,
            "Follow-up #": 0,
            "Patient ID": range(30),
            "Patient Age": [414] + [50] * 29,
            "Patient Gender": ["F", "M"] * 15,
            "View Position": ["AP", "PA", "PA"] * 10,
        }
    )
    rest = (
        "Atelectasis|Cardiomegaly|Consolidation|Effusion|Emphysema|Fibrosis|Infiltration|Pleural_Thickening"
    )
    table.loc[1, "Finding Labels"] = rest + "|Pneumothorax"
    for i, name in enumerate(table["Image Index"]):
        place = folder / layout[i % len(layout)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(place / name)
    table.to_csv(folder / "Data_Entry_2017_v2020.csv", index=False)
    return folder / "Data_Entry_2017_v2020.csv"


@pytest.mark.parametrize("layout", [["images_001/images", "images_012/images"], ["images"], ["."]])
def test_the_nih_mapping_reads_the_archive_layouts(layout: list[str], tmp_path: Path) -> None:
    source = _nih_archive(tmp_path / "nih", layout=layout)
    report = import_table(source, out=tmp_path / "out", mapping=EXAMPLES / "nih_archive.yaml")
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert len(table) == 30
    # Groups and findings are shared out first; 30 patients meet 70, 20 and 10 % within one patient.
    assert table["split"].value_counts().to_dict() == {"train": 22, "test": 6, "val": 2}
    assert np.isnan(table["age"][0])
    assert table["Pleural Thickening"].sum() == 1
    assert table["Pneumonia"].sum() == 9
    assert table["No Finding"].tolist() == [1.0, 0.0, 0.0] * 10
    assert report.notes == ["1 cells of age were no age and are set to unknown."]


PACK = Path(os.environ.get("PACK", Path(__file__).parents[4] / "shared" / "cxr-pack"))


@pytest.mark.pack
@pytest.mark.skipif(not (PACK / "manifest.csv").is_file(), reason="the chest X-ray pack is not here")
def test_the_pack_mapping_reads_the_pack(tmp_path: Path) -> None:
    import_table(PACK / "manifest.csv", out=tmp_path / "out", mapping=EXAMPLES / "cxr_pack_nih.yaml")
    cohort = load_cohort(tmp_path / "out")
    assert cohort.table["split"].value_counts().to_dict() == {"train": 673, "test": 221, "val": 106}
    assert cohort.table["patient_id"].nunique() == 682
    assert cohort.table["sex"].value_counts().to_dict() == {"M": 523, "F": 477}
    assert cohort.table["view"].value_counts().to_dict() == {"AP": 567, "PA": 433}
    assert cohort.table[["Pneumonia", "No Finding"]].sum().tolist() == [500, 500]
    assert not cohort.has_reports


@pytest.mark.pack
@pytest.mark.skipif(not (PACK / "manifest.csv").is_file(), reason="the chest X-ray pack is not here")
def test_the_whole_pack(tmp_path: Path) -> None:
    report = import_table(PACK / "manifest.csv", out=tmp_path / "out", mapping=EXAMPLES / "cxr_pack.yaml")
    table = load_cohort(tmp_path / "out").table
    # 1,540 rows, 6 of them with duplicate_of; the patient of two sexes has three images.
    assert table["sex"].value_counts().to_dict() == {"M": 871, "F": 645, "Unknown": 18}
    assert len(table) == 1534
    assert "1 patients have two groups of sex: set to unknown." in report.notes
    assert table["report"].ne("").all()


def test_the_template_reads_the_table_that_it_describes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    n = 40
    table = pd.DataFrame(
        {
            "file": [f"{i}.png" for i in range(n)],
            "patient": [f"p{i}" for i in range(n)],
            "exam": [f"e{i}" for i in range(n)],
            "text": "No edema.",
            "age": 50,
            "gender": ["female", "M"] * (n // 2),
            "ethnic": ["Asian", "Black", "White", "Martian"] * (n // 4),
            "projection": "PA",
            "edema": ["yes", "no", "maybe", ""] * (n // 4),
            "effusion": ["1", "0", "-1", ""] * (n // 4),
        }
    )
    for name in table["file"]:
        Image.fromarray(np.full((8, 8), 7, dtype=np.uint8)).save(tmp_path / "images" / name)
    table.to_csv(tmp_path / "my_table.csv", index=False)
    import_table(tmp_path / "my_table.csv", out=tmp_path / "cohort", mapping=EXAMPLES / "template.yaml")
    cohort = load_cohort(tmp_path / "cohort")
    assert cohort.has_reports
    assert set(cohort.info.splits) == {"train", "val", "probe", "test"}
    found = cohort.table.set_index("image_id")
    assert found.loc["0", ["sex", "race", "Edema", "Pleural Effusion"]].tolist() == ["F", "Asian", 1.0, 1.0]
    assert found.loc["2", ["Edema", "Pleural Effusion"]].tolist() == [-1.0, -1.0]
    assert found.loc["3", "race"] in ("", "Unknown")
