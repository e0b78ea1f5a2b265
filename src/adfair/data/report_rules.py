"""The rule table of report findings: a YAML file of phrases (``adfair.data.report_phrases``), checked."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from adfair.config import faults, parse_yaml
from adfair.data.report_phrases import Lexicon, is_phrase
from adfair.errors import ConfigError

NO_FINDING = "no finding"
"""The one finding that is never looked up but follows from the others."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingWords(_Part):
    """How reports speak of one finding.

    Attributes:
        names: phrases for it; a denial or a doubt around them changes what they say.
        statements: whole clauses that say it is there (``heart ... enlarged``); only a denial or a doubt
            inside or after them counts, for what stands before belongs to another clause.
        doubtful: phrases and clauses that leave it open by themselves (``borderline heart size``).
        normal: clauses that say it is not there (``heart size ... normal``).
        unlike: phrases that hold a name and mean something else (``pericardial effusion``).
    """

    names: list[str] = Field(min_length=1)
    statements: list[str] = []
    doubtful: list[str] = []
    normal: list[str] = []
    unlike: list[str] = []


class ReportRules(_Part):
    """A whole rule table.

    Attributes:
        findings: name -> its words.
        other_abnormality: what is none of the findings and yet contradicts ``No Finding``.
        devices: findings that do not contradict ``No Finding``.
        deny_before, deny_after: words that deny the names after or before them.
        doubt_before, doubt_after: words that leave them open.
        inert: phrases with a denying or doubting word in them that do neither (``no change``).
        breaks: words at which the reach of all of the above ends, in both directions.
        after_stops: words that ``deny_after`` and ``doubt_after`` do not reach back across.
        denied_changes: phrases that deny a change (``has not resolved``): the names before them are there. Like
            ``after_stops`` they stop what comes after; inside a clause they deny it.
        gap_stops: words that ``...`` never stands for.
    """

    findings: dict[str, FindingWords]
    other_abnormality: FindingWords | None = None
    devices: list[str] = []
    deny_before: list[str]
    deny_after: list[str]
    doubt_before: list[str]
    doubt_after: list[str]
    inert: list[str] = []
    breaks: list[str]
    after_stops: list[str] = []
    denied_changes: list[str] = []
    gap_stops: list[str] = []

    @field_validator("findings")
    @classmethod
    def _distinct(cls, findings: dict[str, FindingWords]) -> dict[str, FindingWords]:
        keys = [finding_key(name) for name in findings]
        if NO_FINDING in keys:
            raise ValueError("'No Finding' follows from the others and has no words; take it out")
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is there twice")
        return findings

    @model_validator(mode="after")
    def _phrases_can_be_read(self) -> "ReportRules":
        for phrase in self._phrases():
            if not is_phrase(phrase):
                raise ValueError(
                    f"'{phrase}' is no phrase: words with blanks between them, '*' at a word's end, "
                    "'|' between either word, '...' between two words"
                )
        return self

    def _phrases(self) -> Iterator[str]:
        others = [self.other_abnormality] if self.other_abnormality else []
        for words in (*self.findings.values(), *others):
            for _, phrases in words:
                yield from phrases
        for field in CUES + STOPS:
            yield from getattr(self, field)


CUES = ("inert", "deny_before", "deny_after", "doubt_before", "doubt_after", "breaks", "denied_changes")
STOPS = ("after_stops", "gap_stops")


def finding_lexicon(words: FindingWords, rules: ReportRules) -> Lexicon:
    """The expression of one finding, kinds being the fields of ``FindingWords``."""
    pairs = ((phrase, kind) for kind, phrases in words for phrase in phrases)
    return Lexicon.of(pairs, gap_stops=rules.gap_stops)


def words_by_name(rules: ReportRules) -> dict[str, FindingWords]:
    """The words of every finding of the table under its key, its own name always among them."""
    return {
        finding_key(name): words.model_copy(update={"names": [*words.names, *own_words(name).names]})
        for name, words in rules.findings.items()
    }


def cue_lexicon(rules: ReportRules) -> Lexicon:
    """The expression of all words around findings, kinds being the fields of ``ReportRules``."""
    fields = (*CUES, "after_stops")
    pairs = ((phrase, field) for field in fields for phrase in getattr(rules, field))
    return Lexicon.of(pairs, gap_stops=rules.gap_stops)


def finding_key(name: str) -> str:
    """The form in which names are compared: lower case, one blank between words (``Pleural_Effusion``)."""
    return " ".join(name.replace("_", " ").lower().split())


def own_words(name: str) -> FindingWords:
    """The rule of a finding that no table lists: its own words, the last of them also in the plural."""
    words = re.findall(r"[^\W_]+", name.lower())
    return FindingWords(names=[" ".join(words), " ".join([*words[:-1], f"{words[-1]}s|{words[-1]}es"])])


def load_rules(path: Path | None = None) -> ReportRules:
    """Read a rule table; our own (``report_rules.yaml`` beside this file) when no path is given.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or a key or phrase is not what it must be.
    """
    source = files("adfair.data") / "report_rules.yaml" if path is None else path
    try:
        tree: Any = parse_yaml(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}{line}: not valid YAML in UTF-8") from None
    try:
        return ReportRules.model_validate(tree)
    except ValidationError as error:
        hint = "Put quotes around words that YAML reads as no or 1."
        raise ConfigError(f"{source}: {faults(error, ReportRules)}. {hint}") from None
