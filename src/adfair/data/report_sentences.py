"""Sentences of a report, and what the words around a mention make of it."""

import re
import unicodedata
from bisect import bisect_left

from adfair.data.report_phrases import Match

SILENT, ABSENT, UNCERTAIN, PRESENT = range(4)
"""What a mention says, in the order in which one outweighs another; SILENT is no mention at all."""

_DENIALS, _DOUBTS = {"deny_before", "deny_after", "denied_changes"}, {"doubt_before", "doubt_after"}
_STOPS = {"breaks", "after_stops", "denied_changes", "deny_before", "doubt_before"}
_BLANKS = re.compile(r"[^\S\n]+")
# A full stop between digits is a decimal point; a single line end is a wrapped line unless a list item follows.
# Within a line a list item is a number before a bracket that nothing opened: '1) No effusion 2) Edema'.
_SENTENCE_END = re.compile(
    r"(?<!\d)[.!]+|[.!]+(?!\d)|;|(?<=\w\?)(?=\s|$)| [-–—]+ |\n ?\n|\n ?(?=(?:[-*•]|\d{1,2}[.)]) )| (?=\d{1,2}\) )"
)
# Not wrapped either: a line that begins with a capital after a short one, or with a heading.
_SHORT_LINE = re.compile(r"^([^\n]{0,59})\n(?=[^\S\n]*[A-Z])", re.MULTILINE)
_HEADING = re.compile(r"\n(?=[^\S\n]*[A-Z][A-Za-z/& ]{0,40}:)")
_ANSWER = re.compile(r"(?::| -) ?(?:no|nil|none)(?= ?(?:[.;\n]|$))")  # 'Effusion: no.'
_VERSUS = re.compile(r"\bvs\.")
_NUMBER_IN_BRACKETS = re.compile(r"(\([^()]*[^()\s] ?\d{1,2})\)")
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[,?]")


def sentences(report: str) -> list[str]:
    """The sentences of a report in the form that phrases are matched in: lower-case words, commas and
    question marks with one blank between them."""
    text = report if report.isascii() else unicodedata.normalize("NFKC", report).replace("’", "'")
    if "\n" in text:
        text = _HEADING.sub("\n\n", text)
        if not text.isupper():
            text = _SHORT_LINE.sub(r"\1\n\n", text)
    line = _NUMBER_IN_BRACKETS.sub(r"\1", _BLANKS.sub(" ", text.lower()))  # '(image 3)' is no list item
    pieces = _SENTENCE_END.split(_VERSUS.sub("vs", _ANSWER.sub(" none", line)))
    words = (" ".join(_TOKEN.findall(piece)) for piece in pieces)
    return [sentence for sentence in words if sentence]


class Reach:
    """Which denials and doubts reach a place of a sentence: from before it, within it and from after it.

    Three lists of (start, what it makes of a mention), in the order of the text. The last entry of ``before``
    that begins before a mention ends holds for it, and the first of ``after`` that begins behind it.
    """

    def __init__(self, cues: list[Match], text: str) -> None:
        self.before: list[tuple[int, int]] = [(-1, PRESENT)]
        self.within: list[tuple[int, int]] = []
        self.after: list[tuple[int, int]] = []
        for start, _, kinds in cues:
            denies, doubts = kinds & _DENIALS, kinds & _DOUBTS
            if denies or doubts:
                self.within.append((start, ABSENT if denies else UNCERTAIN))
            self._add_before(start, kinds, text)
            self._add_after(start, kinds)

    def _add_before(self, start: int, kinds: frozenset[str], text: str) -> None:
        state = self.before[-1][1]
        if "breaks" in kinds:
            self.before.append((start, PRESENT))
        elif "deny_before" in kinds:
            self.before.append((start, ABSENT))
        # 'No sign suspicious for X' denies X; a doubt takes over from a denial only right after a comma.
        elif "doubt_before" in kinds and (state != ABSENT or text.startswith(", ", start - 2)):
            self.before.append((start, UNCERTAIN))

    def _add_after(self, start: int, kinds: frozenset[str]) -> None:
        if "deny_after" in kinds:
            self.after.append((start, ABSENT))
        elif "doubt_after" in kinds:
            self.after.append((start, UNCERTAIN))
        elif kinds & _STOPS:
            self.after.append((start, PRESENT))

    def says(self, start: int, end: int, kinds: frozenset[str]) -> int:
        """What a mention at ``start:end`` says, or SILENT where it says nothing."""
        if "unlike" in kinds:
            return SILENT
        within = self.within[bisect_left(self.within, (start, 0)) : bisect_left(self.within, (end, 0))]
        inner = min((value for _, value in within), default=PRESENT)
        if "normal" in kinds:
            return ABSENT if inner == PRESENT else SILENT
        if "doubtful" in kinds:
            inner = min(inner, UNCERTAIN)
        before = self.before[bisect_left(self.before, (end, 0)) - 1][1] if "names" in kinds else PRESENT
        later = bisect_left(self.after, (end, 0))
        after = self.after[later][1] if later < len(self.after) else PRESENT
        return min(before, inner, after)  # a denial anywhere settles it, then a doubt anywhere
