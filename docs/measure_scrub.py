"""How much of what names sex, race or age does scrubbing find? Fills the tables of docs/scrub.md.

    python docs/measure_scrub.py

Needs the dev extra: the Indiana reports come from the torchxrayvision wheel. ``scrub_annotations.csv`` marks by hand
what names a person in 400 of their indications (a seeded draw from reports with an odd number; rows without a place
name nobody), and in all findings and impressions with an odd number. The word lists were written with the reports
with an even number and 500 others.
"""

import importlib.util
import itertools
import re
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.data.manifest import load_cohort
from adfair.data.scrub import count_demographics, find_demographics, scrub
from adfair.data.synthetic import synth

PAGE = Path(__file__).parent / "scrub.md"
ANNOTATIONS = Path(__file__).parent / "scrub_annotations.csv"
TRAINED_ON = ("FINDINGS", "IMPRESSION")


def read_sections() -> pd.DataFrame:
    """Every section of every report: report, section, text."""
    spec = importlib.util.find_spec("torchxrayvision")
    origin = spec and spec.origin
    assert origin, "pip install '.[dev]'"
    rows = []
    with tarfile.open(Path(origin).parent / "data" / "NLMCXR_reports.tgz") as archive:
        for member in archive.getmembers():
            if not re.search(r"\d+\.xml$", member.name):
                continue
            stream = archive.extractfile(member)
            assert stream is not None, "a plain file"
            parts = [(part.get("Label"), part.text) for part in ET.parse(stream).iter("AbstractText")]
            rows += [(int(Path(member.name).stem), label, text) for label, text in parts if text]
    return pd.DataFrame(rows, columns=["report", "section", "text"]).sort_values(["report", "section"])


def places_table(sections: pd.DataFrame) -> str:
    """Recall and precision of places, by section."""
    marked = pd.read_csv(ANNOTATIONS)
    texts = sections.set_index(["report", "section"])["text"]
    lines = [
        "| section | texts read | places marked | of them taken out whole | recall | places taken out "
        "| of them marked | precision |",
        "| --- |" + " ---: |" * 7,
    ]
    for name, own in (("indication", ["INDICATION"]), ("findings, impression", list(TRAINED_ON))):
        truth = marked[marked["section"].isin(own)]
        if name == "indication":
            keys = list(dict.fromkeys(zip(truth["report"], truth["section"], strict=True)))
        else:
            odd = sections[sections["section"].isin(own) & (sections["report"] % 2 == 1)]
            keys = list(zip(odd["report"], odd["section"], strict=True))
        spans = (
            truth.dropna()
            .groupby(["report", "section"])[["start", "end"]]
            .apply(lambda g: g.to_numpy(int).tolist())
        )
        whole = right = found_count = 0
        for key in keys:
            found = find_demographics(texts[key])
            own_spans = spans.get(key, [])
            found_count += len(found)
            right += sum(any(a < d and c < b for c, d in own_spans) for a, b in found)
            whole += sum(set(range(c, d)) <= {i for a, b in found for i in range(a, b)} for c, d in own_spans)
        n = int(truth["start"].notna().sum())
        lines.append(
            f"| {name} | {len(keys):,} | {n} | {whole} | {whole / n:.3f} | {found_count} | {right} | {right / found_count:.3f} |"
        )
    return "\n".join(lines)


def mentions_table(sections: pd.DataFrame) -> str:
    """How many texts name what, all reports."""
    lines = [
        "| section | texts | name sex | name race | name age | left with nothing |",
        "| --- |" + " ---: |" * 5,
    ]
    for section, own in sections.groupby("section"):
        s = scrub(own["text"]).summary()
        counts = " | ".join(
            f"{s[key]:,}" for key in ("texts", "name_sex", "name_race", "name_age", "emptied")
        )
        lines.append(f"| {str(section).lower()} | {counts} |")
    return "\n".join(lines)


def synthetic_table() -> str:
    """The template reports: who names a person is known, since only those begin with a sentence about one."""
    with tempfile.TemporaryDirectory() as folder:
        reports = (
            load_cohort(synth(Path(folder) / "cohort", n_train=2000, n_test=600)).table["report"].tolist()
        )
    first = [text.partition(". ")[0] for text in reports]
    person = np.array([bool(re.search(r"\b(?:age|aged|year old)\b", text)) for text in first])
    scrubbed = scrub(reports)
    wanted = [t.partition(". ")[2] if p else t for t, p in zip(reports, person, strict=True)]
    exact = np.mean([a == b for a, b in zip(scrubbed.texts, wanted, strict=True)])
    return (
        f"{len(reports):,} reports of `adfair synth` (seed 0, default preset), {person.sum():,} with a sentence about "
        f"the person. Left as if that sentence had not been there: {exact:.1%}. "
        f"Left with nothing: {scrubbed.emptied.sum()}."
    )


def speed(sections: pd.DataFrame, *, reports: int = 200_000) -> str:
    """CPU time of one core, for texts that rarely name anybody and for texts of which most do."""
    of = {name: own["text"].tolist() for name, own in sections.groupby("section")}
    said = [a + " " + b for a, b in zip(of["FINDINGS"], itertools.cycle(of["IMPRESSION"]))]
    lines = []
    for name, pool in (
        ("findings and impression", said),
        ("indication before them", [f"{a} {b}" for a, b in zip(of["INDICATION"], itertools.cycle(said))]),
    ):
        texts = [f"{text} {i}" for i, text in zip(range(reports), itertools.cycle(pool))]
        start = time.process_time()
        named = (count_demographics(texts) > 0).any(axis=1).mean()
        count = time.process_time() - start
        scrub(texts)
        seconds = time.process_time() - start - count
        words = np.mean([len(text.split()) for text in texts[:1000]])
        lines.append(f"| {name} | {words:.0f} | {named:.1%} | {count:.0f} s | {seconds:.0f} s |")
    head = "| text | words | name somebody | counted in | scrubbed in |\n| --- | ---: | ---: | ---: | ---: |"
    return "\n".join([f"{reports:,} texts, one core:", "", head, *lines])


def write_block(name: str, text: str) -> None:
    """Replace what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` of the page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


if __name__ == "__main__":
    everything = read_sections()
    write_block("places", places_table(everything))
    write_block("mentions", mentions_table(everything))
    write_block("synthetic", synthetic_table())
    write_block("speed", speed(everything))
