"""The exclusion flow: how many images and patients each rule left, as a table and as a drawing."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from adfair.data.schema import UNKNOWN
from adfair.data.staging import replace_file

FLOW_CSV, FLOW_SVG = "flow.csv", "flow.svg"
_WIDTH, _BOX, _ROW, _GAP, _LINE = 860, 400, 54, 30, 17


def count_flow(steps: list[tuple[str, pd.DataFrame]], attributes: list[str]) -> pd.DataFrame:
    """Count what is left after each rule.

    Args:
        steps: (rule, rows left) in order, each a subset of the one before; the first is what there was.
        attributes: also count images and patients of each group, columns ``race=Black images`` and so on.

    Returns:
        Columns rule, dropped, images, patients and those of the groups; one row a step.
    """
    rows, before = [], None
    for rule, table in steps:
        row: dict[str, object] = {"rule": rule, "dropped": 0 if before is None else before - len(table)}
        row |= {"images": len(table), "patients": table["patient_id"].nunique()}
        for attribute in attributes:
            for group in sorted(steps[0][1][attribute].unique()):
                own = table[table[attribute] == group]
                row[f"{attribute}={group} images"] = len(own)
                row[f"{attribute}={group} patients"] = own["patient_id"].nunique()
        rows.append(row)
        before = len(table)
    return pd.DataFrame(rows)


def with_groups(flow: pd.DataFrame, table: pd.DataFrame, attributes: list[str]) -> pd.DataFrame:
    """A flow without groups, with images and patients of each group of what is left in its last row; else empty.

    Args:
        flow: columns rule, dropped, images, patients. table: the rows that are left.
    """
    named = table.assign(**{a: table[a].replace("", UNKNOWN) for a in attributes})
    last = count_flow([("left", named)], attributes).drop(columns=["rule", "dropped", "images", "patients"])
    return pd.concat([flow, last.set_axis([len(flow) - 1])], axis=1)


def flow_svg(flow: pd.DataFrame, *, title: str) -> str:
    """Draw a flow: one box a step, what it dropped beside the arrow, the groups of the last step below.

    Args:
        flow: columns rule, dropped, images, patients (may be empty), and any ``A=G images``, ``A=G patients``.
    """
    parts, y = [_text(20, 26, title, bold=True)], 44
    for position, step in enumerate(flow.to_dict("records")):
        if position:
            parts.append(f'<path d="M220 {y - _GAP} v{_GAP - 6}" class="arrow" marker-end="url(#head)"/>')
            parts.append(_text(450, y - _GAP // 2 + 4, f"{int(step['dropped']):,} images left out"))
        parts.append(f'<rect x="20" y="{y}" width="{_BOX}" height="{_ROW}" rx="4"/>')
        parts += [_text(32, y + 22, str(step["rule"])[:58]), _text(32, y + 42, _counts(step), bold=True)]
        y += _ROW + _GAP
    last = flow.iloc[-1]
    for line, name in enumerate(n for n in flow.columns if str(n).endswith(" images")):
        group = str(name).removesuffix(" images")
        counts = _counts({"images": last[name], "patients": last[f"{group} patients"]})
        parts.append(_text(32, y + line * _LINE, f"{group.replace('=', ': ')}: {counts}"))
    height = y + _LINE * sum(str(n).endswith(" images") for n in flow.columns) + 10
    style = (
        "text{font:13px sans-serif;fill:#1a1a1a}.b{font-weight:bold}rect{fill:#f4f6f8;stroke:#5a6b7b}"
        ".arrow{stroke:#5a6b7b;fill:none}"
    )
    head = (
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="4" refY="4" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#5a6b7b"/></marker></defs>'
    )
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    body = "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><style>{style}</style>{head}{body}</svg>\n'


def write_flow(folder: Path, flow: pd.DataFrame, *, title: str) -> None:
    """Save ``flow.csv`` and ``flow.svg`` beside a cohort."""
    replace_file(folder / FLOW_CSV, flow.to_csv(index=False, lineterminator="\n").encode())
    replace_file(folder / FLOW_SVG, flow_svg(flow, title=title).encode())


def _counts(step: Mapping[Any, Any]) -> str:
    patients = step.get("patients")
    known = patients is not None and patients == patients
    return f"{int(step['images']):,} images" + (
        f", {int(str(patients).split('.')[0]):,} patients" if known else ""
    )


def _text(x: int, y: int, text: str, *, bold: bool = False) -> str:
    printable = "".join(c if c.isprintable() else "�" for c in text)
    return f'<text x="{x}" y="{y}"{" class=" + chr(34) + "b" + chr(34) if bold else ""}>{escape(printable)}</text>'
