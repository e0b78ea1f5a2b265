"""Who qualifies, against the published scripts written out row by row."""

import numpy as np
import pandas as pd
import pytest

from adfair.data.balance_rules import FIVE, PRESETS, RULES, get_preset, get_rule, is_frontal, target
from adfair.errors import ConfigError

OTHERS = [
    "Enlarged Cardiomediastinum",
    "Lung Lesion",
    "Lung Opacity",
    "Pneumonia",
    "Pneumothorax",
    "Pleural Other",
]
ALL = [*FIVE, *OTHERS, "Fracture", "Support Devices", "No Finding"]


def reference(row: pd.Series, *, medclip: bool) -> str:
    """The scripts' way: fill what is empty with 0 (MedCLIP also -1), then ask for each class alone."""
    filled = row.fillna(0.0)
    if medclip:
        filled = filled.replace(-1.0, 0.0)
    for finding in FIVE:
        if filled[finding] == 1 and all(filled[n] == 0 for n in ALL if n not in (finding, "No Finding")):
            return finding
    return ""


@pytest.mark.parametrize("name", ["gloria", "medclip"])
def test_as_the_scripts_do(name: str) -> None:
    rng = np.random.default_rng(3)
    values = rng.choice([np.nan, 0.0, 1.0, -1.0], p=[0.72, 0.15, 0.08, 0.05], size=(300, len(ALL)))
    table = pd.DataFrame(values, columns=ALL)
    got = target(table, list(FIVE), all_findings=ALL, rule=RULES[name])
    expected = [reference(row, medclip=name == "medclip") for _, row in table.iterrows()]
    assert got.tolist() == expected
    assert 10 < sum(map(bool, expected)) < 290


def test_the_rules_differ_in_uncertain_labels_and_no_finding_is_not_tested() -> None:
    table = pd.DataFrame(np.nan, index=[0, 1], columns=ALL)
    table.loc[:, "Edema"] = 1.0
    table.loc[0, "No Finding"] = 1.0
    table.loc[1, "Fracture"] = -1.0
    assert target(table, ["Edema"], all_findings=ALL, rule=RULES["gloria"]).tolist() == ["Edema", ""]
    assert target(table, ["Edema"], all_findings=ALL, rule=RULES["medclip"]).tolist() == ["Edema", "Edema"]


def test_frontal_views() -> None:
    views = pd.Series(["AP", "pa", "Frontal", "AP AXIAL", "AP/PA", "Lateral", "LL", "", "Unknown", "PAT"])
    assert is_frontal(views).tolist() == [True] * 5 + [False] * 5


def test_names() -> None:
    assert get_preset("fcxp-5x90").per_cell == 15
    assert all(get_rule(each.rule) for each in PRESETS.values())
    with pytest.raises(ConfigError, match="no rule 'x'; there are: gloria, medclip"):
        get_rule("x")
    with pytest.raises(ConfigError, match="no preset 'x'"):
        get_preset("x")
