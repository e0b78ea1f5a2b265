from importlib.util import find_spec
from pathlib import Path

import pytest

from adfair.errors import ConfigError
from adfair.models.adapters import page
from adfair.models.adapters.registry import ADAPTERS, seen_in_training

DOCS = Path(__file__).parents[3] / "docs" / "models.md"


def test_every_adapter_says_what_it_wants() -> None:
    for about in ADAPTERS.values():
        module, _, function = about.loader.partition(":")
        assert find_spec(f"adfair.models.adapters.{module}")
        assert function.startswith("load")
        assert all((about.file, about.where, about.licence, about.preprocessing, about.protocol))


@pytest.mark.parametrize(
    ("adapter", "cohort", "named"),
    [
        ("chexzero", "MIMIC-CXR-JPG 2.1.0", "MIMIC-CXR"),
        ("chexzero", "CheXpert Plus", ""),
        ("gloria", "chexpert_plus", "CheXpert"),
        ("biovil_t", "mimic", "MIMIC-CXR"),
        ("cxr_clip", "NIH ChestX-ray14", "ChestX-ray14"),
        ("torchxrayvision", "padchest", "PadChest"),
        ("adfair", "mimic", ""),
        ("cxr_clip", "minihospital", ""),
        ("cxr_clip", "films (nih)", "ChestX-ray14"),
        ("transformers", "mimic", "MIMIC-CXR"),
    ],
)
def test_a_cohort_that_the_weights_have_seen_is_warned_of(adapter: str, cohort: str, named: str) -> None:
    assert (f"trained on {named}:" in seen_in_training(adapter, "mine", cohort)) == bool(named)
    assert seen_in_training(adapter, cohort).startswith("XrayCLIP, if this is XrayCLIP,") == (
        adapter == "transformers"
    )


def test_the_documentation_has_the_table(tmp_path: Path) -> None:
    assert page.markdown() in DOCS.read_text(encoding="utf-8"), "adfair models --update docs/models.md"
    copy = tmp_path / "models.md"
    copy.write_text(f"before\n{page.START}\nold\n{page.END}\nafter\n")
    page.update(copy)
    assert copy.read_text() == f"before\n{page.START}\n{page.markdown()}\n{page.END}\nafter\n"
    with pytest.raises(ConfigError, match="to put the table between"):
        page.update(tmp_path / "none.md")
    assert page.plain().count("\n\n") == len(ADAPTERS) - 1
