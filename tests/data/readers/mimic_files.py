"""The tables and reports of six invented MIMIC-CXR-JPG images."""

import gzip
from pathlib import Path

from adfair.data.readers.chexpert_labels import FINDINGS

METADATA = """dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning
d0,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531,x,y,Erect
d1,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531,x,y,Erect
d2,10000032,53189527,CHEST (PORTABLE AP),AP,3056,2544,21830626,165500.312,x,y,
d3,10000764,57375967,CHEST (PORTABLE AP),AP,3056,2544,21321015,83047.312,x,y,
d4,10000898,50771383,CHEST,AP AXIAL,3056,2544,21880318,83047.312,x,y,
d5,11000000,50000005,CHEST,PA,3056,2544,21900101,83047.312,x,y,
d6,12000000,50000006,CHEST,PA,3056,2544,21900101,83047.312,x,y,
"""  # noqa: E501
SPLIT = """dicom_id,study_id,subject_id,split
d0,50414267,10000032,train
d1,50414267,10000032,train
d2,53189527,10000032,train
d3,57375967,10000764,validate
d4,50771383,10000898,train
d5,50000005,11000000,test
d6,50000006,12000000,test
"""
ALPHABETICAL = sorted(FINDINGS)
PATIENTS = """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
10000032,F,52,2180,2014 - 2016,
10000764,M,86,2132,2014 - 2016,
10000898,F,79,2188,2014 - 2016,
11000000,M,91,2160,2014 - 2016,
"""
ADMISSIONS = """subject_id,hadm_id,admittime,race
10000032,1,2180-07-23 12:35:00,WHITE - RUSSIAN
10000032,2,2180-05-06 22:23:00,WHITE
10000764,3,2132-10-14 23:31:00,PORTUGUESE
10000898,5,2189-01-01 00:00:00,WHITE
10000898,4,2188-01-01 00:00:00,BLACK/CAPE VERDEAN
"""
REPORTS = {
    "p10/p10000032/s50414267": " EXAMINATION: CHEST\n\n FINDINGS: \n \n The lungs are\n clear.\n\n IMPRESSION: \n\n"
    " No acute process.\n",
    "p10/p10000032/s53189527": " FINDINGS: Old text.\r\n\r\n FINDINGS: Patchy opacity.\r\n",
    "p10/p10000764/s57375967": " PA and lateral. No effusion.\n",
    "p10/p10000898/s50771383": " IMPRESSION:  Effusion.\n",
    "p11/p11000000/s50000005": " IMPRESSION:  Oedema.\n",
    "p12/p12000000/s50000006": " IMPRESSION:  Normal.\n",
}


def labels_table(rows: dict[str, dict[str, str]], *, names: list[str] = ALPHABETICAL) -> str:
    lines = [",".join(["subject_id", "study_id", *names])]
    lines += [f"{key}," + ",".join(each.get(name, "") for name in names) for key, each in rows.items()]
    return "\n".join(lines) + "\n"


CHEXPERT = labels_table(
    {
        "10000032,50414267": {"No Finding": "1.0"},
        "10000032,53189527": {"Lung Opacity": "-1.0"},
        "10000898,50771383": {"Pleural Effusion": "1.0", "Edema": "0.0"},
        "11000000,50000005": {"Edema": "1.0"},
    }
)
TEST_SET = "study_id," + ",".join(
    "Airspace Opacity" if name == "Lung Opacity" else name for name in ALPHABETICAL
)
TEST_SET += "\n50000005," + ",".join(
    "0" if n == "Edema" else "1" if n == "Lung Opacity" else "" for n in ALPHABETICAL
)


def write_gzip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
