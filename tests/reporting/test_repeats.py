"""The table of a sweep as Markdown, LaTeX and terminal text."""

import pandas as pd
import pytest

from adfair.auditing.repeats import SUMMARY_COLUMNS, Figure
from adfair.reporting.repeats import figure_label, grids, latex, markdown, terminal

NAN = float("nan")


def table(arm: str = "adfair", *, cohort: str = "default", n: int = 3, **more: object) -> pd.DataFrame:
    """A baseline and another arm, one figure."""
    shared = {"cohort": cohort, "test_set": "test", "metric": "auc", "attribute": "", "n": n}
    shared |= {"baseline": "clip", "note": ""}
    one = n == 1
    clip = {"arm": "clip", "mean": 0.8769, "sd": NAN if one else 0.004, "difference": NAN}
    other = {"arm": arm, "mean": 0.8881, "sd": NAN if one else 0.003, "difference": 0.0112}
    other |= {"ci_low": NAN if one else -0.008, "ci_high": NAN if one else 0.0305}
    return pd.DataFrame([shared | clip, shared | other | more], columns=list(SUMMARY_COLUMNS))


def test_means_and_differences_are_two_tables_a_cohort() -> None:
    means, differences = grids(table())
    assert means.caption == "default: mean ± sd, 3 seeds"
    assert means.head == ("arm", "AUC")
    assert means.rows == (("clip", "0.877 ± 0.004"), ("adfair", "0.888 ± 0.003"))
    assert differences.rows == (("adfair", "+0.011 [−0.008, +0.030]"),)
    assert "difference to clip" in differences.caption
    both = grids(pd.concat([table(), table(cohort="wide")]))
    assert [g.caption.split(":")[0] for g in both] == ["default", "default", "wide", "wide"]


def test_one_seed_is_said_and_has_no_interval() -> None:
    means, differences = grids(table(n=1))
    assert means.rows[1] == ("adfair", "0.888")
    assert differences.rows == (("adfair", "+0.011"),)
    assert "one seed" in means.caption
    assert differences.caption.endswith("[no interval]")


def test_an_undefined_figure_has_a_numbered_reason() -> None:
    reason = "undefined: seed 1: step 4: the contrastive term is nan"
    failed = table(mean=NAN, sd=NAN, difference=NAN, note=reason)
    for grid in grids(failed):
        assert grid.rows[-1] == ("adfair", "undefined (1)")
        assert grid.notes == (f"(1) {reason}",)
    assert reason in markdown(failed)
    assert reason in latex(failed)


def test_names_stay_text_in_markdown() -> None:
    lines = markdown(table("a|b_c*d`e<i>\n[x](y)")).splitlines()
    assert lines[5].startswith(r"| a\|b\_c\*d\`e\<i\> \[x\](y) | 0.888")
    assert all(line.count("|") - line.count(r"\|") == 3 for line in lines[2:6])


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("weight=1_5%", r"weight=1\_5\%"),
        ("a&b#c$d{e}", r"a\&b\#c\$d\{e\}"),
        ("x\\y~z^", r"x\textbackslash{}y\textasciitilde{}z\textasciicircum{}"),
    ],
)
def test_names_stay_text_in_latex(name: str, written: str) -> None:
    text = latex(table(name))
    assert f"\n{written} & 0.888 $\\pm$ 0.003 \\\\" in text
    assert "$-$0.008" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2


def test_labels_name_attribute_and_other_test_sets() -> None:
    assert figure_label(Figure("test", "es_auc", "race"), "test") == "ES-AUC, race"
    assert figure_label(Figure("test_reversed", "auc"), "test") == "AUC (test_reversed)"
    assert figure_label(Figure("test", "few_shot_auc@16"), "test") == "16-shot AUC"
    assert figure_label(Figure("test", "leakage_auc", "sex"), "test") == "Leakage, sex"


def test_the_terminal_shows_names_with_brackets() -> None:
    from rich.console import Console

    console = Console(width=120, record=True)
    for shown in terminal(table("attributes=[race,sex]")):
        console.print(shown)
    assert console.export_text().count("attributes=[race,sex]") == 2
