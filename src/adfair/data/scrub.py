"""Take words for sex, race and age out of reports, and count them.

    scrubbed = scrub(["58-year-old Black woman with cough. She has an effusion."])
    scrubbed.texts   # ["Patient with cough. The patient has an effusion."]

A rule-based reading (our choice): word lists in ``scrub_words.yaml``, phrases around them by
``adfair.data.scrub_words``. A person becomes "patient", a pronoun "the patient", a description goes; a sentence
that held nothing else goes whole. What implies a group without naming it stays: breast shadows, a mastectomy, a
wife. ``docs/scrub.md`` says how much is found.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from adfair.data.scrub_words import KINDS, Patterns, compile_words, default_patterns, load_words
from adfair.data.text import NOTHING_STATED

# Marks of a cut while a text is worked on; reports hold no such characters (they are taken out first).
_OPEN, _CLOSE = "\x01", "\x02"
_MARKS = re.compile("[\x01\x02]")
_PIECES = re.compile(r"((?<=[.!?;])\s+|\n+)")
_NOTHING = re.compile(
    r"(?:\W|\d|\b(?:a|an|the|this|that|is|was|be|patient|patients|patient's|s|of|and|with|for|in|on|person|individual)\b)*",
    re.IGNORECASE,
)
# After these, or at the end of a clause, what is left out stood for the person itself.
_ENDS = re.compile(
    r"\s*(?:$|[.,;:!?)\n])|\s+(?:with|w/|who|whose|presents?|presenting|presented|has|had|having|is|was|status|s/p|"
    r"p/w|here|from|for|in|on|and|undergoing|complain\w*|c/o|admitted|post|after|following|now|being|to|at|without)\b",
    re.IGNORECASE,
)
# 'is 58 years old', 'in her sixties': nothing takes the place of these.
_DROPPED = re.compile(r"\b(?:is|was)\s+$", re.IGNORECASE)
_PERIOD = re.compile(r"in(?:to)?\s", re.IGNORECASE)
_NO_OWNER = re.compile(
    r"\s+(?:with|to|at|in|for|and|or|on|was|is|from|by|after|before|that|as|about|the|a)\b|\s*[^\w\s]|\s*$"
)
_KINDS_OF = {"letter": ("sex",), "coded": ("race", "sex")}
_TIDY = (
    (re.compile(r"\(\s*\)"), ""),
    (re.compile(r"\s+([,.;:!?)])"), r"\1"),
    (re.compile(r",(?:\s*,)+"), ","),
    (re.compile(r",+\s*([.;:])"), r"\1"),
    (re.compile(r"^\s*[,;:.]+\s*"), ""),
    (re.compile(r"\b(?:is|was)\s*(?=[.,;]|$)"), ""),
    (re.compile(r"\b(?:is|was)\s+and\s+(?=has|had|is|was|presents?)"), ""),
    (re.compile(r"[^\S\n]{2,}"), " "),
    (re.compile(r"\s+([,.;:!?)])"), r"\1"),
)


@dataclass(frozen=True)
class Scrubbed:
    """Texts without words for sex, race and age.

    Attributes:
        texts: [N]; never empty where the original was not.
        counts: [N] rows of int64, columns sex, race and age: how many words and phrases of each kind went.
        emptied: bool [N], true where nothing but such words was there: the text is then "Chest radiograph.".
    """

    texts: list[str]
    counts: pd.DataFrame
    emptied: np.ndarray

    def summary(self) -> dict[str, int]:
        """Texts changed, texts that name each kind, texts emptied."""
        named = {f"name_{kind}": int((self.counts[kind] > 0).sum()) for kind in KINDS}
        return {
            "texts": len(self.texts),
            "changed": int(self.counts.any(axis=1).sum()),
            **named,
            "emptied": int(self.emptied.sum()),
        }


def scrub(texts: Iterable[str], *, words: Path | None = None) -> Scrubbed:
    """Take out what names sex, race or age.

    Args:
        texts: [N] reports.
        words: word lists to use instead of ours.

    Raises:
        ConfigError: the word lists are not valid.
    """
    patterns = _patterns(words)
    out = list(texts)
    counts = np.zeros((len(out), len(KINDS)), dtype=np.int64)
    emptied = np.zeros(len(out), dtype=bool)
    for row in _candidates(out, patterns):
        text, counts[row] = _scrub_one(out[row], patterns)
        if counts[row].any():
            emptied[row] = not text
            out[row] = text or NOTHING_STATED
    return Scrubbed(texts=out, counts=pd.DataFrame(counts, columns=list(KINDS)), emptied=emptied)


def count_demographics(texts: Iterable[str], *, words: Path | None = None) -> pd.DataFrame:
    """How many words and phrases name sex, race and age: int64, one row a text. Nothing is changed."""
    patterns, listed = _patterns(words), list(texts)
    counts = np.zeros((len(listed), len(KINDS)), dtype=np.int64)
    for row in _candidates(listed, patterns):
        for match in _matches(listed[row], patterns):
            counts[row] += _kinds(match, patterns)
    return pd.DataFrame(counts, columns=list(KINDS))


def find_demographics(text: str, *, words: Path | None = None) -> list[tuple[int, int]]:
    """Where a text names sex, race or age: (start, end) of every phrase, without the article before it."""
    spans = []
    for match in _matches(text, _patterns(words)):
        spans.append((match.start("words"), match.end("words")) if match["run"] else match.span())
    return spans


def _patterns(words: Path | None) -> Patterns:
    return default_patterns() if words is None else compile_words(load_words(words))


def _candidates(texts: Sequence[str], patterns: Patterns) -> list[int]:
    """Rows that may hold a match: one pass of a fast engine, since most reports name nobody."""
    hits = pc.match_substring_regex(pa.array(texts, pa.large_string()), patterns.trigger, ignore_case=True)
    return np.flatnonzero(hits.to_numpy(zero_copy_only=False)).tolist()


def _matches(text: str, patterns: Patterns) -> Iterator[re.Match[str]]:
    """Every phrase from left to right. Only places where one can begin are tried; the rest of a text is cheap."""
    end = 0
    for start in patterns.starts.finditer(_lower(text)):
        for place in (start.start(), start.end(1)) if start[1] else (start.start(),):
            match = patterns.find.match(text, place) if place >= end else None
            if match is not None:
                end = match.end()
                if match["keep"] is None:
                    yield match
                break


def _lower(text: str) -> str:
    """Lower case of the same length: a few letters beyond ASCII would become two."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


def _kinds(match: re.Match[str], patterns: Patterns) -> np.ndarray:
    """int64 [3]: words and phrases of each kind in one match."""
    count = dict.fromkeys(KINDS, 0)
    if match["run"]:
        for token in patterns.token.finditer(match.string, *match.span("words")):
            for kind in _KINDS_OF.get(str(token.lastgroup), (token.lastgroup,)):
                count[str(kind)] += 1
    elif match["letters"] or match["age_sex"] or match["coded"]:
        count |= {"sex": 1, "race" if match["coded"] else "age": 1}
    elif match["predicate"] or (match["labelled"] and match["labelled"][0] in "rReE"):
        count["race"] = 1
    else:
        count["sex"] = 1
    return np.array(list(count.values()))


def _scrub_one(text: str, patterns: Patterns) -> tuple[str, np.ndarray]:
    text = _MARKS.sub(" ", text)
    counts, marked, done = np.zeros(len(KINDS), dtype=np.int64), "", 0
    for match in _matches(text, patterns):
        counts += _kinds(match, patterns)
        marked += text[done : match.start()] + _replacement(match, patterns)
        done = match.end()
    if not counts.any():
        return text, counts
    marked += text[done:]
    pieces = _PIECES.split(marked)
    # Separators stand at odd places; one goes with the sentence that it ended.
    kept: list[str] = []
    for position in range(0, len(pieces), 2):
        piece = _tidy(pieces[position], capital=not (kept and kept[-2].endswith(";")))
        if piece:
            kept += [piece, *pieces[position + 1 : position + 2]]
    return "".join(kept).strip(), counts


def _replacement(match: re.Match[str], patterns: Patterns) -> str:
    if match["run"] or match["letters"] or match["coded"]:
        return _person(match, patterns)
    if match["labelled"] or match["age_sex"] or match["predicate"]:
        return _OPEN + _CLOSE
    kind = str(match.lastgroup)
    if kind == "possessive" or (
        kind == "object_or_possessive" and not _NO_OWNER.match(match.string, match.end())
    ):
        return f"{_OPEN}the patient's{_CLOSE}"
    return f"{_OPEN}the patient{_CLOSE}"


def _person(match: re.Match[str], patterns: Patterns) -> str:
    """What stands in place of a run: its own word for a person, "patient", or nothing before another noun."""
    words, article = match["words"] or "", match["article"]
    rest = match.string[match.end() :]
    if match["people"]:
        left = match["people"]
    elif patterns.plural.search(words):
        left = "patients"
    elif patterns.singular.search(words):
        left = "patient"
    elif _DROPPED.search(match.string, 0, match.start()) or _PERIOD.match(words):
        left = ""
    elif _ENDS.match(rest):
        left = "patient"
    else:
        left = ""
    if not article:
        return f"{_OPEN}{left}{_CLOSE}"
    following = (left or rest.lstrip(" ,-"))[:1].lower()
    written = article[0] + ("n" if following in "aeiou" else "")
    return f"{written} {_OPEN}{left}{_CLOSE}"


def _tidy(piece: str, *, capital: bool) -> str:
    """A sentence without its marks; empty where only words around the cut are left."""
    if _OPEN not in piece:
        return piece
    begins = piece.lstrip().startswith(_OPEN)
    text = _MARKS.sub("", piece)
    for pattern, instead in _TIDY:
        text = pattern.sub(instead, text)
    text = text.strip()
    if _NOTHING.fullmatch(text):
        return ""
    return text[0].upper() + text[1:] if begins and capital else text
