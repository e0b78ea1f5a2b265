"""The word lists: ours are valid, a user's own are used, and a wrong one is refused by name."""

import re
from pathlib import Path

import pytest
import yaml

from adfair.data.scrub import scrub
from adfair.data.scrub_words import default_patterns, load_words
from adfair.errors import ConfigError

OURS = load_words()
TEXTS = [
    "A 58 y/o white, non-Hispanic woman; she is a 58F with edema. In her 60s.",
    "XXXX XXXX F, [**Age**] year old AAM, fifty-eight-year-old gentleman, Mr. Jones, Age: 58, Sex: F, Race: White.",
    "34yof F/58 an elderly Korean adult of mixed race, 3 week old infants, 54 old male, DOB: 1/2/1950, Spanish-speaking",
    "Man in the eighties, in her nineties, a 6-month-old with cough, Age/Sex: 58/F, Sex/Age: F/58, 72F c/o pain.",
    "Male catheter connector, bundle of His, he/she, white blood, MEN 2, old fracture, the patient is white.",
]


def own_file(folder: Path, **changes: object) -> Path:
    file = folder / "words.yaml"
    file.write_text(yaml.safe_dump(OURS.model_dump() | changes))
    return file


def test_every_match_begins_where_one_is_looked_for() -> None:
    patterns = default_patterns()
    for text in TEXTS:
        starts = {place for m in patterns.starts.finditer(text.lower()) for place in (m.start(), m.end(1))}
        matches = list(patterns.find.finditer(text))
        assert {m.start() for m in matches} <= starts
        assert len(matches) > 3
        assert re.search(patterns.trigger, text.lower())


def test_own_lists_replace_ours(tmp_path: Path) -> None:
    file = own_file(tmp_path, titles=["Herr"], keep=["old man of the sea"])
    texts = ["Herr Smith has edema.", "Old man of the sea."]
    assert scrub(texts, words=file).texts == ["The patient has edema.", texts[1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"people": "patient"}, "people: Input should be a valid list"),
        ({"colours": ["black"]}, "colours: unknown key"),
        ({"keep": ["male (luer"]}, "no regular expression"),
        ({"titles": ["[A-Z]+"]}, "begin it with a letter"),
    ],
)
def test_wrong_lists_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        scrub(["x"], words=own_file(tmp_path, **changes))


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("a: [")
    for name in ("words.yaml", "nowhere.yaml"):
        with pytest.raises(ConfigError, match="cannot be read as YAML"):
            scrub(["x"], words=tmp_path / name)
