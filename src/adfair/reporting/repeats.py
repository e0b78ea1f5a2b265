"""The table of a sweep for people: Markdown, LaTeX and the terminal. Names are escaped for each."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from rich.table import Table as RichTable
from rich.text import Text

from adfair.auditing.repeats import Figure
from adfair.reporting.text import metric_label

SINGLE = "one seed"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
}


@dataclass(frozen=True)
class Grid:
    """A table as plain text: one row an arm, the first cell its name."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def figure_label(figure: Figure, main: str) -> str:
    """``ES-AUC, race``; the test set is named where it is not the main one."""
    name = "Leakage" if figure.metric == "leakage_auc" else metric_label(figure.metric)
    label = ", ".join(filter(None, (name, figure.attribute)))
    return label if figure.test_set == main else f"{label} ({figure.test_set})"


def signed(value: float) -> str:
    """``+0.011`` or ``−0.011``."""
    return f"{value:+.3f}".replace("-", "−")


def spread(row: "pd.Series[float]") -> str:
    """``0.877 ± 0.004``, without the latter where one seed leaves it undefined."""
    text = f"{row['mean']:.3f}".replace("-", "−")
    return text if pd.isna(row["sd"]) else f"{text} ± {row['sd']:.3f}"


def difference(row: "pd.Series[float]") -> str:
    """``+0.011 [+0.008, +0.014]``, without the interval where one seed leaves it undefined."""
    text = signed(row["difference"])
    return text if pd.isna(row["ci_low"]) else f"{text} [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"


def grids(table: pd.DataFrame) -> list[Grid]:
    """Two tables a cohort, means and differences to the baseline, from what ``summarise`` returns."""
    found = []
    for cohort, rows in table.groupby("cohort", sort=False):
        seeds, baseline = int(rows["n"].iloc[0]), str(rows["baseline"].iloc[0])
        over = SINGLE if seeds == 1 else f"{seeds} seeds"
        what = "value" if seeds == 1 else "mean ± sd"
        found.append(_grid(f"{cohort}: {what}, {over}", rows, "mean", spread))
        others = rows[rows["arm"] != baseline]
        if len(others):
            how = "no interval" if seeds == 1 else "95 % t interval"
            caption = f"{cohort}: difference to {baseline}, paired, {over} [{how}]"
            found.append(_grid(caption, others, "difference", difference))
    return found


def _grid(caption: str, rows: pd.DataFrame, value: str, show: Callable[["pd.Series[float]"], str]) -> Grid:
    main, notes = str(rows["test_set"].iloc[0]), dict[str, int]()

    def cell(row: "pd.Series[float]") -> str:
        if pd.notna(row[value]):
            return show(row)
        return f"undefined ({notes.setdefault(str(row['note']), len(notes) + 1)})"

    body = [
        (str(arm), *(cell(row) for _, row in own.iterrows())) for arm, own in rows.groupby("arm", sort=False)
    ]
    first = rows[rows["arm"] == rows["arm"].iloc[0]]
    keys = first[["test_set", "metric", "attribute"]].itertuples(index=False, name=None)
    head = ("arm", *(figure_label(Figure(*key), main) for key in keys))
    return Grid(caption, head, tuple(body), tuple(f"({i}) {note}" for note, i in notes.items()))


def markdown(table: pd.DataFrame) -> str:
    """The tables as GitHub's Markdown, names escaped."""
    parts = []
    for grid in grids(table):
        lines = [_markdown_row(grid.head), "| --- " + "| ---: " * (len(grid.head) - 1) + "|"]
        lines += [_markdown_row(row) for row in grid.rows]
        notes = "".join(f"\n\n{_in_markdown(note)}" for note in grid.notes)
        parts.append(f"**{_in_markdown(grid.caption)}**\n\n" + "\n".join(lines) + notes)
    return "\n\n".join(parts) + "\n"


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_in_markdown, cells)) + " |"


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()).replace("&", "&amp;"))


def latex(table: pd.DataFrame) -> str:
    """The tables as LaTeX ``tabular``s that need no package, names escaped."""
    parts = []
    for grid in grids(table):
        lines = [_latex_row(grid.head) + r" \hline", *map(_latex_row, grid.rows)]
        notes = "".join(f"\\\\[2pt] \\footnotesize {_in_latex(note)}\n" for note in grid.notes)
        parts.append(
            f"\\begin{{table}}\n\\centering\n\\caption{{{_in_latex(grid.caption)}}}\n"
            f"\\begin{{tabular}}{{l{'r' * (len(grid.head) - 1)}}}\n\\hline\n"
            + "\n".join(lines)
            + f"\n\\hline\n\\end{{tabular}}\n{notes}\\end{{table}}\n"
        )
    return "\n".join(parts)


def _latex_row(cells: tuple[str, ...]) -> str:
    return " & ".join(map(_in_latex, cells)) + r" \\"


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in " ".join(text.split()))


def terminal(table: pd.DataFrame) -> list[RichTable]:
    """The tables as the terminal prints them."""
    found = []
    for grid in grids(table):
        # Text, not markup: a name may hold square brackets.
        shown = RichTable(title=Text(grid.caption), caption=Text("\n".join(grid.notes)))
        for i, name in enumerate(grid.head):
            shown.add_column(Text(name), justify="right" if i else "left")
        for row in grid.rows:
            shown.add_row(*map(Text, row))
        found.append(shown)
    return found
