"""The words that name sex, race or age, and the expressions that are made of them.

A *run* is one or more of these words side by side ("58-year-old, white male"), with the article before and a word
for a person after it. Words under ``beside_a_person`` count only within a run that holds something else. Two lists
stand in the code since they are grammar: how ages are written, and "M" or "F" after an age.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from adfair.config import faults, parse_yaml
from adfair.errors import ConfigError

KINDS = ("sex", "race", "age")

_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
# Digits, a number in words, or what de-identification left of one: XXXX, ___, [**Age over 90**].
_BLANKED = r"(?:x{2,}(?:[\s-]x{2,})?|_{2,}|\[\*\*[^\]]*\*\*\])"
_NUMBER = rf"(?:\d{{1,3}}|{_BLANKED}|(?:{_TENS})(?:[\s-](?:{_UNITS}))?|{_TEENS}|{_UNITS})"
_YEARS = r"(?:years?|yrs?\.?|y)"
# An old fracture or film is no old patient.
_NO_THING = (
    r"(?![\s-]+(?:(?:rib|healed|healing|left|right|chest|comparison|prior|ct|pacemaker|cardiac)\s+)*"
    r"(?:fractures?|films?|exams?|examinations?|studies|study|radiographs?|ct|comparison|prior|pacemakers?|grafts?"
    r"|stents?|tubes?|catheters?|records?|granulomatous|injur\w+)\b)"
)
# 'In the 80s' is a saturation, a pressure or a decade unless it follows a person.
_PERSON = "patient|patients|pt|person|man|woman|male|female|gentleman|lady"
_AFTER_PERSON = re.sub(r"\w+", r"(?<=\\b\g<0>\\s)", _PERSON)  # look-behind wants one width a branch
_DECADE = r"(?:early|mid|late)?[\s-]*(?:\d0['’]?s|(?:twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies)\b"
# '6-month-old with cough', and not '6 month old fracture' or 'the fracture is 6 weeks old'.
_NOTHING_AGED = (
    r"(?=\s*(?:[.,;:)]|$)|\s+(?:with|w/|who|presenting|presents|presented|status|s/p|p/w|c/o|born|having|has"
    r"|admitted)(?!\w))"
)
_AGES = (
    rf"{_NUMBER}[\s-]*{_YEARS}[\s-]*(?:olds?|of[\s-]age|aged?)\b{_NO_THING}",
    rf"{_NUMBER}[\s-]*(?:y\.\s?o\.?|y/?o)(?!\w)",
    rf"{_NUMBER}[\s-]*(?:months?|weeks?|days?)[\s-]*of[\s-](?:age|life)\b",
    rf"{_BLANKED}[\s-]+old\b{_NO_THING}",
    rf"age[ds]?\s*(?::|=|of|is|was|about|around|approximately)?\s*(?:\d{{1,3}}|{_BLANKED})(?:[\s-]*{_YEARS}(?:[\s-]*old)?)?(?![\w%]|\.\d)",
    rf"(?:in|into)\s+(?:his|her|their)\s+{_DECADE}",
    rf"(?:{_AFTER_PERSON})(?:in|into)\s+the\s+{_DECADE}",
    rf"{_NUMBER}[\s-]*(?:month|mo|week|wk|day)[\s-]*old{_NOTHING_AGED}",
    r"(?:dob|date\s+of\s+birth|birth\s?date)\s*[:=]?\s*[\d/-]+",
)
_AGES_BESIDE = (
    rf"{_NUMBER}[\s-]*{_YEARS}",
    rf"{_NUMBER}[\s-]+old",
    rf"{_NUMBER}[\s-]*(?:months?|mos?|weeks?|wks?|days?)[\s-]*old",
)
_LABELLED_SEX = r"(?:sex|gender)(?:\s*[:=]\s*(?:female|male|f|m)|\s+(?:female|male|(?-i:[FM])))"
_AGE_AND_SEX = (
    rf"(?:age\s*/\s*(?:sex|gender)\s*[:=]?\s*(?:\d{{1,3}}|{_BLANKED})\s*{_YEARS}?\s*[/,]?\s*(?:female|male|f|m)"
    rf"|(?:sex|gender)\s*/\s*age\s*[:=]?\s*(?:female|male|f|m)\s*[/,]?\s*(?:\d{{1,3}}|{_BLANKED}))"
)
# A catheter has a tip, and holes.
_NO_CATHETER = (
    r"(?!,?\s+(?:(?:with|w/)\s+)?(?:(?:the|its|a)\s+)?"
    r"(?:(?:distal|proximal)\s+(?:tip|end|port|hole|side)|tip|side[\s-]?(?:hole|port))s?\b)"
)
# '58F with', 'a 58 M,': without a year only where a report begins or after an article; 14F is a catheter too.
# No catheter has 40F, no fever is below 97F, and '45/F' is neither.
_LETTERS = (
    r"(?:^|(?<=[.:;\n])|(?<=[.:;]\s)|(?<=\ba\s)|(?<=\ban\s)|(?<=\bis\s))(?:[4-8]\d|9[0-6])(?-i:[FM])\b(?!/)|"
    r"(?<![\w./])\d{1,3}\s?(?:(?:years?|yrs?|y)\.?\s?/\s?(?:female|male|[fm])|/(?-i:[FM]))\b(?!/)|"
    r"(?:^|(?<=[.:;\n])|(?<=[.:;]\s)|(?<=\ba\s)|(?<=\ban\s)|(?<=\bis\s))(?:\d{2}|BLANKED)\s?/?\s?(?-i:[FM])CATHETER"
    r"(?=,|\s+(?:with|w/|who|presenting|presents|s/p|status|having|admitted|p/w|c/o)(?!\w))"
    r"|(?-i:[FM])/\d{2}\b(?!/)"
    r"|(?<![\w.])(?:\d{1,3}|BLANKED)[\s-]?(?:y\.?/?o\.?|yr|y)[fm]\b"
)
_LETTERS = _LETTERS.replace("BLANKED", _BLANKED).replace("CATHETER", _NO_CATHETER)
_AGE_AFTER = rf"{_NUMBER}[\s-]*{_YEARS}(?=\s*(?:[.,;)]|$))"
_CODED = (
    r"(?:aa[mf]|(?-i:[WB]/?[MF]))(?!\w)"  # African American male, white female; WM and B/F only after an age
)
_SEPARATOR = r"(?:\s*[,/]\s*|[\s-]+)"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Persons(_Part):
    sex: list[str]
    sex_plural: list[str]
    age: list[str]
    age_plural: list[str]


class Descriptions(_Part):
    sex: list[str] = []
    race: list[str]
    age: list[str]


class Pronouns(_Part):
    subject: list[str]
    possessive: list[str]
    object: list[str]
    object_or_possessive: list[str]
    reflexive: list[str]


class ScrubWords(_Part):
    """The word lists of ``scrub_words.yaml``, which says what each is for."""

    persons: Persons
    descriptions: Descriptions
    beside_a_person: Descriptions
    people: list[str]
    pronouns: Pronouns
    titles: list[str]
    keep: list[str]


@dataclass(frozen=True)
class Patterns:
    """Compiled expressions.

    Attributes:
        find: alternatives with the groups keep, letters, labelled, age_sex, title, predicate, coded, run (with article,
            words, people) and one for each kind of pronoun.
        token: the words within a run, with one group for each of sex, race, age, letter (a sex), coded (race and sex).
        singular, plural: whole words for persons within a run.
        starts: in lower-case text, every place where ``find`` can match, and few others; group 1 an article.
        trigger: the same for RE2, to tell texts that need a look.
    """

    find: re.Pattern[str]
    token: re.Pattern[str]
    singular: re.Pattern[str]
    plural: re.Pattern[str]
    starts: re.Pattern[str]
    trigger: str


def load_words(path: Path | None = None) -> ScrubWords:
    """Read the word lists, ours by default. Raises ConfigError naming every wrong key."""
    source = files("adfair.data") / "scrub_words.yaml" if path is None else path
    try:
        tree: Any = parse_yaml(source.read_text(encoding="utf-8"))
        words = ScrubWords.model_validate(tree)
        compile_words(words)
        return words
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: cannot be read as YAML ({type(error).__name__})") from None
    except re.error as error:
        raise ConfigError(
            f"{source}: '{error.pattern!s:.40}' is no regular expression: {error.msg}"
        ) from None
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error, ScrubWords)}") from None


@lru_cache(maxsize=4)
def default_patterns() -> Patterns:
    """The expressions of our own word lists."""
    return compile_words(load_words())


def compile_words(words: ScrubWords) -> Patterns:
    """Make the expressions. Raises ``re.error`` where an entry is no regular expression."""
    kinds, beside = _strong(words), _beside(words)
    keep = _any(words.keep)
    # What is to be kept is kept within a run too: 'white female luer connector'.
    strong = rf"(?<!\w)(?!{keep})(?:{_any(list(kinds.values()))})(?!\w)"
    weak = rf"(?<![\w])(?:{_any(list(beside.values()))})(?!\w)"
    groups = _any([*words.descriptions.race, *words.beside_a_person.race, "unknown", "other", "declined"])
    race = rf"(?:race|ethnicity)\s*[:=]\s*(?:not\s+)?(?:{groups})(?:{_SEPARATOR}(?:(?:or|and)\s+)?(?:{groups})(?!\w))*"
    letter = r"(?-i:[FM])(?!\w)"
    people = rf"(?:{_any(words.people)})(?!\w)"
    alone = rf"(?:{_any(words.beside_a_person.race)})(?!\w){_NOTHING_AGED}"  # '60yo Black with cough'
    more = rf"(?:{_SEPARATOR}(?:(?:{weak}{_SEPARATOR})*(?:{strong}|{letter})|{_CODED}|{_AGE_AFTER}|{alone}))*"
    run = (
        rf"(?:(?P<article>\ban?)\s+)?(?P<words>(?:{weak}{_SEPARATOR})*{strong}{more}"
        rf"|(?:{weak}{_SEPARATOR})+(?={people}))(?:{_SEPARATOR}(?P<people>{people}))?"
    )
    pieces = {
        "keep": rf"(?<!\w)(?:{keep})",
        "letters": _LETTERS,
        "labelled": rf"(?<!\w)(?:{_LABELLED_SEX}|{race})(?!\w)",
        "age_sex": rf"(?<!\w){_AGE_AND_SEX}(?!\w)",
        "title": rf"(?-i:\b(?:{_any(words.titles)})\b\.?)\s+(?:{_BLANKED}|(?-i:[A-Z])[\w'-]*)",
        "predicate": rf"(?<=\bis )(?:{_any(words.beside_a_person.race)})(?=\s*[.,;]|\s+and\b)",
        "coded": r"(?<!\w)aa[mf](?!\w)",
        "run": run,
        **{name: rf"\b(?:{_any(value)})\b" for name, value in words.pronouns.model_dump().items()},
    }
    token = "|".join(rf"(?P<{kind}>(?<!\w)(?:{kinds[kind]}|{beside[kind]})(?!\w))" for kind in KINDS)
    flags = re.IGNORECASE
    return Patterns(
        find=re.compile(
            rf"(?<!\w)(?:{_any([f'(?P<{name}>{piece})' for name, piece in pieces.items()])})", flags
        ),
        token=re.compile(rf"{token}|(?P<letter>\b{letter})|(?P<coded>\b{_CODED})", flags),
        singular=re.compile(rf"\b(?:{_any(words.persons.sex + words.persons.age)})\b", flags),
        plural=re.compile(rf"\b(?:{_any(words.persons.sex_plural + words.persons.age_plural)})\b", flags),
        starts=re.compile(rf"(?<!\w)(an?\s+)?{_starts(words)}"),
        trigger=rf"(?:^|[^a-z0-9_]){_starts(words)}",
    )


def _any(parts: list[str]) -> str:
    return "|".join(parts) if parts else r"(?!)"


def _strong(words: ScrubWords) -> dict[str, str]:
    persons, other = words.persons, words.descriptions
    return {
        "sex": _any(persons.sex + persons.sex_plural + other.sex),
        "race": _any(other.race),
        "age": _any([*_AGES, *persons.age, *persons.age_plural, *other.age]),
    }


def _beside(words: ScrubWords) -> dict[str, str]:
    other = words.beside_a_person
    return {"sex": _any(other.sex), "race": _any(other.race), "age": _any([*_AGES_BESIDE, *other.age])}


def _starts(words: ScrubWords) -> str:
    """What a match begins with, in lower case and without look-around, so that RE2 takes it."""
    trees = (words.persons, words.descriptions, words.beside_a_person, words.pronouns)
    listed = [word for tree in trees for each in tree.model_dump().values() for word in each]
    listed += [
        *words.titles,
        *words.keep,
        "age",
        "ages",
        "aged",
        "dob",
        "date",
        "sex",
        "gender",
        "race",
        "ethnicity",
    ]
    beginnings = {start for entry in listed for start in _beginnings(entry.lower())}
    letters = "|".join(sorted(beginnings))
    number = rf"{_NUMBER}[\s/-]*(?:y|mo|we|wk|da|old|[fm](?:[^a-z]|$))"
    return rf"(?:{letters}|{number}|in(?:to)?\s+(?:his|her|the|their)\s|birth\s?date|aa[mf]|[fm]/[0-9])"


def _beginnings(entry: str) -> list[str]:
    """What an entry begins with: a whole word where it has one, else its first letters; several for a choice."""
    choice = re.match(r"\(\?:([^()]*)\)", entry)
    found = []
    for part in choice[1].split("|") if choice else [entry]:
        letters = re.match(r"([a-z/]+)(?:( |$)|([?*{|])?)", part)
        if letters is None or letters[3] == "|" or (letters[3] and len(letters[1]) < 2):
            raise re.error("begin it with a letter, or with a choice of words in (?:...)", entry)
        if letters[2] is not None and not choice:
            found.append(rf"{letters[1]}(?:[^a-z]|$)")
        else:
            found.append(letters[1][:-1] if letters[3] else letters[1])
    return found
