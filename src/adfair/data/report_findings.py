"""Findings out of free report text, by the phrases of a rule table (``report_rules.yaml``).

Each sentence is searched for the names of each finding; words around a name deny it or leave it open, up to
the next break (``but``, ``however``, the end of the sentence). Of several mentions in one report, present
outweighs uncertain, which outweighs absent. The rules read the text of findings and impression: a history
or an indication names what was asked, not what was seen, so leave those sections out.

How well this does is measured in docs/report-findings.md.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from adfair.data.report_phrases import Match
from adfair.data.report_rules import (
    NO_FINDING,
    ReportRules,
    cue_lexicon,
    finding_key,
    finding_lexicon,
    load_rules,
    own_words,
    words_by_name,
)
from adfair.data.report_sentences import ABSENT, PRESENT, SILENT, UNCERTAIN, Reach, sentences
from adfair.errors import ConfigError

_LABELS = np.array([np.nan, 0.0, -1.0, 1.0])  # of SILENT, ABSENT, UNCERTAIN, PRESENT


def findings_in_reports(
    reports: Sequence[str], findings: Sequence[str], *, rules: Path | None = None
) -> np.ndarray:
    """What each report says of each finding.

    Args:
        reports: [N] texts of findings and impression.
        findings: [F] names; case, blanks and underscores do not matter. A name that the table lacks is
            matched by its own words.
        rules: a rule table in YAML instead of ours (``adfair.data.report_rules``).

    Returns:
        float64 [N, F]: 1 present, 0 absent, -1 uncertain, NaN not mentioned. ``No Finding`` is 1 where no
        finding of the table or of ``findings`` (devices aside) and no other abnormality is 1 or -1. Our
        choice: it is 0 where one of them is 1, -1 where they are uncertain at most, NaN where a report has
        no words.

    Raises:
        ConfigError: a name without a letter or digit, or a rule table that cannot be used.
    """
    return _LABELS[_Reader(load_rules(rules), findings).read(reports)]


def stated_findings(
    reports: Sequence[str], findings: Sequence[str], *, rules: Path | None = None
) -> np.ndarray:
    """Which findings each report states to be there: float32 [N, F] of 1 and 0.

    Our choice: an uncertain finding counts as not stated (0), as do an absent one and one not mentioned.
    Arguments and errors are those of ``findings_in_reports``.
    """
    return (findings_in_reports(reports, findings, rules=rules) == 1).astype(np.float32)


class _Reader:
    """The expressions of every finding that is asked for or that ``No Finding`` follows from."""

    def __init__(self, rules: ReportRules, findings: Sequence[str]) -> None:
        asked = [_checked(name) for name in findings]
        words = words_by_name(rules)
        self.devices = {finding_key(name) for name in rules.devices}
        keys = dict.fromkeys(key for key in asked if key != NO_FINDING)
        self.derived = NO_FINDING in asked
        if self.derived:
            keys |= dict.fromkeys(words)
        self.keys, self.asked = list(keys), asked
        self.lexicons = [finding_lexicon(words.get(key) or own_words(key), rules) for key in keys]
        if self.derived and rules.other_abnormality:
            self.lexicons.append(finding_lexicon(rules.other_abnormality, rules))
        self.lexicons.append(cue_lexicon(rules))
        self.begun: dict[str, list[int]] = {}  # word -> lexicons with a phrase that begins with it

    def read(self, reports: Sequence[str]) -> np.ndarray:
        """int8 [N, F], columns in the order asked."""
        known = {"": 0}  # sentence -> row; a report without a sentence still has this one
        rows: list[int] = []
        starts: list[int] = []
        for report in reports:
            starts.append(len(rows))
            rows.append(0)
            rows += [known.setdefault(sentence, len(known)) for sentence in sentences(report)]
        read = b"".join(bytes(self._sentence(sentence)) for sentence in known)
        table = np.frombuffer(read, dtype=np.int8).reshape(len(known), len(self.lexicons) - 1)
        if not starts:
            return np.empty((0, len(self.asked)), dtype=np.int8)
        said = np.maximum.reduceat(table[rows], starts, axis=0)
        worded = np.diff([*starts, len(rows)]) > 1
        columns = [
            self._no_finding(said, worded) if k == NO_FINDING else said[:, self.keys.index(k)]
            for k in self.asked
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(reports), 0), dtype=np.int8)

    def _sentence(self, text: str) -> list[int]:
        *mentions, cues = self._matches(text)
        if not any(mentions):
            return [SILENT] * len(mentions)
        reach = Reach(cues, text)
        return [max((reach.says(*m) for m in found), default=SILENT) for found in mentions]

    def _matches(self, text: str) -> list[list[Match]]:
        """Every lexicon's matches from left to right, none overlapping another of the same lexicon."""
        found: list[list[Match]] = [[] for _ in self.lexicons]
        start = 0
        for word in text.split(" "):
            for i in self._begun_by(word):
                if not found[i] or found[i][-1][1] <= start:
                    match = self.lexicons[i].at(text, start)
                    found[i] += [match] if match else []
            start += len(word) + 1
        return found

    def _begun_by(self, word: str) -> list[int]:
        if word not in self.begun:
            self.begun[word] = [i for i, lexicon in enumerate(self.lexicons) if lexicon.first.fullmatch(word)]
        return self.begun[word]

    def _no_finding(self, said: np.ndarray, worded: np.ndarray) -> np.ndarray:
        counted = [i for i in range(said.shape[1]) if i >= len(self.keys) or self.keys[i] not in self.devices]
        worst = said[:, counted].max(axis=1, initial=SILENT)
        opposite = np.array([PRESENT, PRESENT, UNCERTAIN, ABSENT], dtype=np.int8)
        return np.where(worded, opposite[worst], SILENT).astype(np.int8)


def _checked(name: str) -> str:
    if not re.search(r"[^\W_]", name):
        raise ConfigError(f"finding '{name}' has no letter or digit in its name; name each finding")
    return finding_key(name)
