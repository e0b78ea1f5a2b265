"""The text of a report by a fallback order."""

import numpy as np
import pandas as pd
import pytest

from adfair.data.sections import choose_section
from adfair.errors import ConfigError

SECTIONS = pd.DataFrame(
    {
        "findings": [" Clear lungs. ", "", "Effusion.", np.nan],
        "impression": ["Normal.", "Edema.", "  ", ""],
        "summary": ["a", "b", "c", "d"],
    },
    index=[3, 5, 7, 9],
)


@pytest.mark.parametrize(
    ("order", "texts", "used"),
    [
        (["impression"], ["Normal.", "Edema.", "", ""], ["impression", "impression", "", ""]),
        (
            ["findings", "impression"],
            ["Clear lungs.", "Edema.", "Effusion.", ""],
            ["findings", "impression", "findings", ""],
        ),
        (["both"], ["Clear lungs.\n\nNormal.", "", "", ""], ["both", "", "", ""]),
        (
            ["both", "impression", "findings", "summary"],
            ["Clear lungs.\n\nNormal.", "Edema.", "Effusion.", "d"],
            ["both", "impression", "findings", "summary"],
        ),
        (
            ["summary+impression"],
            ["a\n\nNormal.", "b\n\nEdema.", "", ""],
            ["summary+impression"] * 2 + [""] * 2,
        ),
    ],
)
def test_fallback_order(order: list[str], texts: list[str], used: list[str]) -> None:
    got, by = choose_section(SECTIONS, order)
    assert got.tolist() == texts
    assert by.tolist() == used
    assert got.index.tolist() == by.index.tolist() == [3, 5, 7, 9]


def test_an_order_that_names_no_section_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="no section 'conclusion'; there are: findings, impression, summary"
    ):
        choose_section(SECTIONS, ["conclusion"])
    with pytest.raises(ConfigError, match="the order is empty"):
        choose_section(SECTIONS, [])
