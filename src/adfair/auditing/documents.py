"""An audit as Markdown, as LaTeX and as a short terminal summary."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from adfair.auditing.gaps import GAPS
from adfair.auditing.power import detectable
from adfair.auditing.reasons import SMALL
from adfair.auditing.result import Audit

_GROUP_METRICS = ("auc", "tpr", "fpr", "ppv", "selection_rate", "underdiagnosis_rate", "ece")
_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
HIGHER_IS_FAIRER = frozenset(gap.name for gap in GAPS if gap.lower)
Grid = tuple[list[str], list[list[str]]]


def figure(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """A value with its interval to three decimals; ``undefined`` when it is NaN."""
    if np.isnan(value):
        return "undefined"
    return f"{value:.3f}" if np.isnan(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def group_grid(audit: Audit, *, finding: str = "mean") -> Grid:
    """Header and cells of the table of group metrics of one finding."""
    table = _whole(audit.table, finding)
    base = table[table["metric"].isin(_GROUP_METRICS)]
    keys = base[["attribute", "group"]].drop_duplicates().itertuples(index=False)
    lines = []
    for attribute, group in keys:
        rows = base[(base["attribute"] == attribute) & (base["group"] == group)].set_index("metric")
        cells = [_cell(rows.loc[name]) if name in rows.index else "" for name in _GROUP_METRICS]
        size = rows.loc["auc", "n"]
        count = "" if np.isnan(size) else f"{size:.0f}"
        small = f" ({SMALL})" if SMALL in rows.loc["auc", "note"] else ""
        lines.append([attribute or "all", f"{group}{small}" or "all", count, *cells])
    return ["attribute", "group", "n", *_GROUP_METRICS], lines


def gap_grid(audit: Audit, *, finding: str = "mean") -> Grid:
    """Header and cells of the table of gaps of one finding, with what is fairer, chance level and p."""
    table = _whole(audit.table, finding)
    rows = table[(table["attribute"] != "") & (table["group"] == "")]
    lines = [
        [
            r["attribute"],
            r["metric"],
            "higher" if r["metric"] in HIGHER_IS_FAIRER else "lower",
            figure(r["value"], r["ci_low"], r["ci_high"]),
            *(_number(r[name]) for name in ("expected_by_chance", "p_value", "p_adjusted")),
        ]
        for r in _records(rows)
    ]
    return ["attribute", "gap", "fairer", "value", "by chance", "p", "p adjusted"], lines


def signed_grid(audit: Audit, *, finding: str = "mean") -> Grid:
    """Header and cells of the signed differences between two groups of one finding."""
    table = _whole(audit.table, finding)
    rows = table[table["metric"].str.endswith("_difference") & (table["group"] != "")]
    lines = [
        [
            r["attribute"],
            _pair(audit, r),
            r["metric"],
            figure(r["value"], r["ci_low"], r["ci_high"]),
            *(_number(r[name]) for name in ("p_value", "p_adjusted")),
        ]
        for r in _records(rows)
    ]
    return ["attribute", "groups", "difference", "value", "p", "p adjusted"], lines


def _pair(audit: Audit, row: dict[str, Any]) -> str:
    """``A vs B`` of a pair that the table writes ``A-B``: names of groups such as 40-60 hold dashes themselves."""
    groups = audit.facts.get("attributes", {}).get(row["attribute"], [])
    return next((f"{a} vs {b}" for a in groups for b in groups if f"{a}-{b}" == row["group"]), row["group"])


def power_grid(audit: Audit, *, finding: str = "mean") -> Grid:
    """Header and cells of the smallest detectable differences of one finding."""
    table = detectable(audit)
    lines = [
        [
            r["attribute"],
            _pair(audit, r),
            r["metric"],
            f"{r['detectable']:.3f}",
            f"{r['patients_factor']:.2g}",
        ]
        for r in _records(table[table["finding"] == finding])
    ]
    return ["attribute", "groups", "difference", "detectable", "x patients for .05"], lines


def markdown(audit: Audit) -> str:
    """The audit as one Markdown page: what was audited, groups, gaps, signed differences, every note."""
    level = f"{audit.settings.level:.0%}".replace("%", " %")
    parts = ["# Fairness audit", "", *(f"- {_md(line)}" for line in headline(audit)), ""]
    parts += [
        f"Values with {level} intervals. *By chance* is the mean gap that equal groups would "
        "show at these sizes; p is the share of such gaps at least as large. A gap near its chance level "
        "is noise. Of a difference between two groups p is the level at which its interval touches 0.",
        "",
    ]
    for finding in dict.fromkeys(["mean", *audit.facts.get("findings", [])]):
        title = "Mean over findings" if finding == "mean" else _md(finding)
        parts += [f"## {title}", ""]
        for grid in (group_grid, gap_grid, signed_grid):
            header, lines = grid(audit, finding=finding)
            parts += _md_table(header, lines) if lines else []
    noted = audit.table[audit.table["note"] != ""]
    parts += ["## Notes", "", *(f"- {_md(note)}" for note in audit.notes)]
    parts += [f"- {_md(_place(r))}: {_md(r['note'])}" for r in _records(noted)]
    return "\n".join(parts).rstrip() + "\n"


def latex(audit: Audit) -> str:
    """Two booktabs tables, group metrics and gaps of the mean over findings, to ``\\input`` into a paper."""
    parts = ["% needs \\usepackage{booktabs}"]
    captions = ("Metrics by group, mean over findings.", "Gaps between groups, mean over findings.")
    for grid, caption in zip((group_grid(audit), gap_grid(audit)), captions, strict=True):
        parts += ["\\begin{table}", f"\\caption{{{caption}}}", latex_table(grid), "\\end{table}", ""]
    return "\n".join(parts)


def latex_table(grid: Grid) -> str:
    """Header and cells as a booktabs tabular."""
    header, lines = grid
    parts = [f"\\begin{{tabular}}{{{'l' * len(header)}}}", "\\toprule"]
    parts += [_joined(header, _tex, " & ") + " \\\\", "\\midrule"]
    parts += [_joined(line, _tex, " & ") + " \\\\" for line in lines]
    return "\n".join([*parts, "\\bottomrule", "\\end{tabular}"])


def markdown_table(grid: Grid) -> str:
    """Header and cells as a Markdown table."""
    return "\n".join(_md_table(*grid)).rstrip()


def headline(audit: Audit) -> list[str]:
    """What was audited and with which thresholds, in a few lines."""
    facts = audit.facts
    lines = [
        f"{facts['images']} images of {facts['patients']} patients; findings: {', '.join(facts['findings'])}"
    ]
    for name, groups in facts["attributes"].items():
        count = facts["unknown"][name]
        unknown = "" if count == 0 else "; unknown: suppressed" if count is None else f"; {count} unknown"
        lines.append(f"{name}: {', '.join(groups)}{unknown}")
    lines.append(f"threshold: {facts['threshold_rule']} ({facts['threshold_origin']})")
    return lines


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    yield from table.to_dict("records")  # type: ignore[misc]


def _whole(table: pd.DataFrame, finding: str) -> pd.DataFrame:
    return table[(table["finding"] == finding) & (table["stratum"] == "")]


def _cell(row: pd.Series) -> str:
    if str(row["note"]).startswith("suppressed"):
        return "suppressed"
    return figure(row["value"], row["ci_low"], row["ci_high"])


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _place(row: dict[str, Any]) -> str:
    names = [row[n] for n in ("metric", "finding", "attribute", "group", "stratum")]
    return " / ".join(str(n) for n in names if n)


def _md_table(header: list[str], lines: list[list[str]]) -> list[str]:
    rule = "|" + " --- |" * len(header)
    rows = [f"| {_joined(line, _md, ' | ')} |" for line in [header, *lines]]
    return [rows[0], rule, *rows[1:], ""]


def _joined(cells: Sequence[str], escape: Callable[[str], str], separator: str) -> str:
    return separator.join(escape(cell) for cell in cells)


def _md(text: str) -> str:
    for mark in "\\|*_<>`[":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in text)
