"""The page of words says what the report says, and the page of keys what the configuration holds."""

import re
from pathlib import Path

import yaml

from adfair.config import Config
from adfair.reporting.glossary import TERMS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_words_of_the_report_are_on_the_page_as_they_are_there() -> None:
    page = (DOCS / "words.md").read_text(encoding="utf-8")
    assert [term.name for term in TERMS if f"| {term.name} | {term.meaning} |" not in page] == []


def test_every_key_and_default_is_on_the_page() -> None:
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert block
    assert yaml.safe_load(block[1]) == Config().model_dump(mode="json")
