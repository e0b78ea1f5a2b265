"""What the CheXpert family shares: fourteen labels, views and ids from paths."""

import pandas as pd

FINDINGS = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other",
    "Fracture", "Support Devices",
]  # fmt: skip
"""In the order of CheXpert's header."""


def view_of(frontal_lateral: pd.Series, ap_pa: pd.Series) -> pd.Series:
    """AP or PA where a frontal image says so, else ``frontal``; ``lateral``; '' where neither: [N]."""
    side = frontal_lateral.str.casefold()
    view = ap_pa.where(ap_pa.isin(["AP", "PA"]), "frontal")
    return view.where(side.eq("frontal"), side.where(side.eq("lateral"), ""))


def ids_of(paths: pd.Series) -> pd.DataFrame:
    """Ids from paths such as ``train/patient00001/study1/view1_frontal.jpg``.

    Returns:
        Columns image_id (the path without its suffix), patient_id, study_id (``patient00001/study1``); '' in
        all of them where a path has no such form.
    """
    parts = paths.str.extract(
        r"(?P<image_id>.*(?P<study_id>(?P<patient_id>patient[^/]+)/study[^/]+)/[^/]+)\.[^./]+$"
    )
    return parts[["image_id", "patient_id", "study_id"]].fillna("")
