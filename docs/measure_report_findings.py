"""How well do the report rules agree with other people's reading? Fills the tables of docs/report-findings.md.

    python docs/measure_report_findings.py

Needs the dev extra: the Indiana reports come from the torchxrayvision wheel. The rules were tuned on reports
with an even number; every figure is of those with an odd one.
"""

import importlib.util
import itertools
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score, f1_score, precision_score, recall_score

from adfair.data.manifest import labels, load_cohort
from adfair.data.readers.indiana_xml import read_archive
from adfair.data.readers.label_tables import load_label_table
from adfair.data.report_findings import findings_in_reports
from adfair.data.synthetic import synth

PAGE = Path(__file__).parent / "report-findings.md"

# Finding -> expression that a MeSH major term (``Opacity/lung/base/left``) begins with; as 'adfair import indiana' has it.
CODES = load_label_table("indiana_labels.yaml")
MESH = {finding: "|".join(expressions) for finding, expressions in CODES.findings.items()}


@dataclass(frozen=True)
class Indiana:
    """Reports [N] of one half, with what their codes say: bool [N, F] in the order of MESH."""

    reports: list[str]
    coded: np.ndarray


def read_indiana(*, odd: bool) -> Indiana:
    """The coded reports with text whose number is odd (or even): FINDINGS and IMPRESSION, a blank line between."""
    spec = importlib.util.find_spec("torchxrayvision")
    origin = spec and spec.origin
    assert origin, "pip install '.[dev]'"
    table, _ = read_archive(Path(origin).parent / "data" / "NLMCXR_reports.tgz")
    half = table[table["uid"].str.extract(r"(\d+)$", expand=False).astype(int) % 2 == odd]
    texts, codes = [], []
    for findings, impression, mesh in half[["findings", "impression", "MeSH"]].itertuples(index=False):
        text, terms = f"{findings}\n\n{impression}".strip(), mesh.split(";")
        if text and not set(CODES.unlabelled) & set(terms):
            texts.append(text)
            codes.append([any(re.match(e, term) for term in terms) for e in MESH.values()])
    return Indiana(texts, np.array(codes))


def indiana_table(odd_half: Indiana, *, tuned_on: int) -> str:
    """Agreement of 'stated' (label 1) with the codes, a row a finding."""
    said = findings_in_reports(odd_half.reports, list(MESH))
    lines = [
        "| finding | positive by MeSH | stated | uncertain (of them MeSH) | agreement | sensitivity | precision "
        "| F1 | kappa |",
        "| --- |" + " ---: |" * 8,
    ]
    for f, name in enumerate(MESH):
        coded, stated, uncertain = odd_half.coded[:, f], said[:, f] == 1, said[:, f] == -1
        scores = [
            np.mean(stated == coded),
            *(m(coded, stated, zero_division=np.nan) for m in (recall_score, precision_score, f1_score)),
            cohen_kappa_score(coded, stated),
        ]
        counts = f"{coded.sum()} | {stated.sum()} | {uncertain.sum()} ({(uncertain & coded).sum()})"
        lines.append(f"| {name} | {counts} | " + " | ".join(f"{s:.3f}" for s in scores) + " |")
    count = len(odd_half.reports)
    return "\n".join(
        [f"{count} reports with an odd number; the rules were tuned on {tuned_on} others.", "", *lines]
    )


def mesh_table() -> str:
    """The mapping, as the expressions that a term begins with."""
    rows = [f"| {name} | `{expression.replace('|', chr(92) + '|')}` |" for name, expression in MESH.items()]
    return "\n".join(["| finding | a MeSH major term that begins with |", "| --- | --- |", *rows])


def synthetic_table() -> str:
    """What the rules read out of the template reports, against the labels that the reports were written from."""
    with tempfile.TemporaryDirectory() as folder:
        cohort = load_cohort(synth(Path(folder) / "cohort", n_train=2000, n_test=600))
    findings = cohort.info.findings
    said = findings_in_reports(cohort.table["report"].tolist(), findings)
    truth = labels(cohort.table, findings)
    lines = ["| label | read as present | uncertain | absent | not mentioned |", "| ---: |" + " ---: |" * 4]
    for label in (1, 0):
        own = said[truth == label]
        counts = [np.sum(own == 1), np.sum(own == -1), np.sum(own == 0), np.isnan(own).sum()]
        lines.append(f"| {label} | " + " | ".join(f"{c:,}" for c in counts) + " |")
    head = f"{len(said):,} reports of `adfair synth` (seed 0, default preset), {len(findings)} findings each."
    return "\n".join([head, "", *lines])


def speed(half: Indiana, *, reports: int = 200_000, each: int = 6) -> str:
    """CPU time of one core where no sentence repeats: real sentences, each with a number of its own."""
    pool = itertools.cycle(s for text in half.reports for s in re.split(r"(?<=[a-z])\.\s", text) if s.strip())
    numbers = itertools.count()
    texts = [". ".join(f"{next(pool)} {next(numbers)}" for _ in range(each)) for _ in range(reports)]
    start = time.process_time()
    findings_in_reports(texts, list(MESH))
    seconds = time.process_time() - start
    words = np.mean([len(text.split()) for text in texts[:1000]])
    return f"{reports:,} reports of {words:.0f} words, {len(MESH)} findings, no two sentences alike: {seconds:.0f} s of one core."


def write_block(name: str, text: str) -> None:
    """Replace what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` of the page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    reported = read_indiana(odd=True)
    write_block("indiana", indiana_table(reported, tuned_on=len(read_indiana(odd=False).reports)))
    write_block("mesh", mesh_table())
    write_block("synthetic", synthetic_table())
    write_block("speed", speed(reported))
