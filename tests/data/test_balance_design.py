"""Designs by default, by name, and those that a cohort cannot fill."""

from pathlib import Path

import pytest

from adfair.data.balance_design import make_design
from adfair.data.balance_rules import FIVE
from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError


def test_fcxp_is_the_default_and_groups_can_be_named(small_cohort: Path) -> None:
    cohort = load_cohort(small_cohort)
    design = make_design(cohort)
    assert design.findings == list(FIVE)
    assert design.attributes == cohort.info.attributes
    assert design.per_cell == 15
    some = make_design(cohort, attributes=["race=Asian+Black"])
    assert some.attributes == {"race": ["Asian", "Black"]}
    assert some.asked()["groups"] == {"race": ["Asian", "Black"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"findings": ["Rash"]}, "no finding 'Rash'"),
        ({"attributes": ["age"]}, "no attribute 'age'"),
        ({"attributes": ["race=Blue"]}, "'race' has no group 'Blue'"),
        ({"attributes": ["race=Asian+Asian"]}, "a group of 'race' is named twice"),
        ({"attributes": ["race", "race=Asian"]}, "'race' is named twice"),
        ({"match": ("device",)}, "not 'device'"),
        ({"rule": "x"}, "no rule"),
        ({"per_cell": 0}, "at least 1"),
    ],
)
def test_designs_that_the_cohort_cannot_fill_are_named(
    small_cohort: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_design(load_cohort(small_cohort), **change)  # type: ignore[arg-type]
