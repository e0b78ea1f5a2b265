"""Phrases of a rule table, turned into one regular expression a finding.

A phrase is words with blanks between them, matched as whole words whatever their case; hyphens and line ends
count as blanks. ``effusion*`` stands for any ending, ``is|are`` for either word, and ``...`` for up to four
words, none of them a comma or a word listed under ``gap_stops``. ``,`` and ``?`` are words of their own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

Match = tuple[int, int, frozenset[str]]
"""(start, end, kinds) of a phrase in a text; a kind is the field of the table that the phrase stands in."""

_GAP, _GAP_WORDS = "...", 4
_TOKEN = re.compile(r"[\w'*]*\w[\w'*]*(?:\|[\w'*]*\w[\w'*]*)*|[,?]")


@dataclass(frozen=True)
class Lexicon:
    """One expression over many phrases, and which kinds each of them is of.

    ``expression`` has one group a phrase; ``kinds[match.lastindex - 1]`` are the kinds of a match. Of phrases
    that begin at the same word the longest is tried first. ``first`` matches the words that begin one: most
    words begin none, and asking once for each word is what makes this quick.
    """

    expression: re.Pattern[str]
    first: re.Pattern[str]
    kinds: list[frozenset[str]]

    @classmethod
    def of(cls, phrases: Iterable[tuple[str, str]], *, gap_stops: Iterable[str]) -> "Lexicon":
        """Compile (phrase, kind) pairs; a phrase given with several kinds is of all of them."""
        kinds: dict[str, set[str]] = {}
        for phrase, kind in phrases:
            kinds.setdefault(" ".join(_words(phrase)), set()).add(kind)
        longest_first = sorted(kinds, key=lambda p: (-len(p.split()), -len(p), p))
        stops = "|".join(_word(word) for word in [",", *gap_stops])
        body = "|".join(f"({_phrase(p, stops)})" for p in longest_first)
        first = "|".join(sorted({_word(p.split()[0]) for p in kinds}))
        # Text is words with one blank between them, so a phrase ends where no letter follows.
        return cls(
            re.compile(rf"(?:{body})(?!\S)"), re.compile(first), [frozenset(kinds[p]) for p in longest_first]
        )

    def at(self, text: str, start: int) -> Match | None:
        """(start, end, kinds) of the phrase that begins with the word at ``start``."""
        match = self.expression.match(text, start)
        if match is None:
            return None
        assert match.lastindex is not None, "every branch is a group"
        return start, match.end(), self.kinds[match.lastindex - 1]


def is_phrase(text: str) -> bool:
    """Whether a text can be read as a phrase: words, and ``...`` between two of them only."""
    words = _words(text)
    readable = all(word == _GAP or _TOKEN.fullmatch(word) for word in words)
    return bool(words) and _GAP not in (words[0], words[-1]) and readable


def _words(phrase: str) -> list[str]:
    return phrase.lower().replace("-", " ").split()


def _word(word: str) -> str:
    return "(?:" + "|".join(re.escape(w).replace(r"\*", r"[\w']*") for w in word.split("|")) + ")"


def _phrase(phrase: str, stops: str) -> str:
    gap = rf"(?: (?!(?:{stops})(?!\S))\S+){{0,{_GAP_WORDS}}}?"
    out = ""
    for word in phrase.split():
        out += gap if word == _GAP else (" " if out else "") + _word(word)
    return out
