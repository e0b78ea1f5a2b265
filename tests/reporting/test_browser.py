"""The page in a real browser: figures drawn, nothing refused, nothing requested, no name alive."""

import io
import itertools
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.auditing.repeats import Figure
from adfair.reporting import report
from adfair.reporting.frontier import frontier_page


@pytest.fixture(scope="module")
def seen(opened: Any, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One page of the invented demo that the tests take in turns; each leaves it as it found it."""
    return opened(report([demo], out=tmp_path_factory.mktemp("browser") / "report.html"))


def test_a_figure_is_drawn_when_it_comes_near_and_all_are_when_printed(seen: SimpleNamespace) -> None:
    drawn = "[...document.querySelectorAll('.plot')].filter(p => p.querySelector('.main-svg')).length"
    first = seen.page.evaluate(drawn)
    assert 0 < first < seen.page.locator(".plot").count()
    assert seen.page.pdf().startswith(b"%PDF")
    assert seen.page.evaluate(drawn) == seen.page.locator(".plot:visible").count() > first


def test_filters_hold_for_the_whole_page_and_can_be_undone(seen: SimpleNamespace) -> None:
    page = seen.page
    page.select_option("#filter-attribute", label="sex")
    page.select_option("#filter-model", label="AdFair-CLIP")
    page.select_option("#filter-finding", label="Edema")
    assert not page.locator("#gap-0").is_visible()
    assert page.locator("#forest-auc .ytick text").all_text_contents() == ["F", "M", "Unknown"]
    assert set(page.locator("#gap-1 .legendtext").all_text_contents()) == {
        "expected by chance",
        "AdFair-CLIP",
    }
    shown = page.locator("#groups th[data-model]:visible").evaluate_all("n => n.map(h => h.dataset.model)")
    assert set(shown) == {"AdFair-CLIP"}
    assert "Edema, sex, AdFair-CLIP" in page.text_content("#filter-status")
    assert not page.locator("#roc-1").is_visible()
    page.click("#filter-reset")
    assert page.locator("#gap-0").is_visible()
    assert page.locator("#roc-1").is_visible()
    assert page.locator("#forest-auc .ytick text").count() == 4


def test_the_slider_moves_every_group_and_the_run_s_threshold_comes_back(
    seen: SimpleNamespace, demo: Path
) -> None:
    page = seen.page
    said = page.text_content("#threshold-value")
    assert "CLIP: threshold 0.5, equalized odds difference" in said
    rows = page.locator("#rates-table tbody tr")
    black = rows.nth([r.split()[0] for r in rows.all_inner_texts()].index("Black"))
    table = pd.read_csv(demo / "clip" / "predictions.csv").query(
        "finding == 'Atelectasis' and race == 'Black'"
    )
    want = (table[table["label"] == 1]["score"] >= 0.5).mean()
    # Not one of the thinned curve's nearest cut-offs: the threshold itself.
    assert black.locator("td .number").first.inner_text() == f"{want:.3f}".lstrip("0")
    page.focus("#threshold")
    page.keyboard.press("End")
    numbers = page.locator("#rates-table tbody tr td .number").all_inner_texts()
    assert set(numbers) == {"1.000", ".000"}
    assert "equalized odds difference .000" in page.text_content("#threshold-value")
    page.keyboard.press("Home")
    page.click("#threshold-reset")
    assert page.text_content("#threshold-value") == said


def test_tables_sort_by_value_with_the_undefined_below_and_back(seen: SimpleNamespace) -> None:
    page = seen.page
    table = page.locator("#groups table").first
    head, button = table.locator("thead tr:last-child th").nth(1), table.locator(".sort").nth(1)
    before = table.locator("tbody th").all_inner_texts()
    for order in ("ascending", "descending"):
        button.press("Enter")
        assert head.get_attribute("aria-sort") == order
        column = table.locator("tbody tr td:nth-child(2) .number").all_inner_texts()
        values = [float(text.split()[-1]) for text in column[:-1]]
        assert values == sorted(values, reverse=order == "descending")
        assert "undefined" in column[-1]
    button.press("Enter")
    assert head.get_attribute("aria-sort") is None
    assert table.locator("tbody th").all_inner_texts() == before


def test_a_table_is_taken_along_as_csv_and_latex(seen: SimpleNamespace) -> None:
    page = seen.page
    place = "#groups .export >> nth=0 >> button"
    name, text = seen.saved(f"{place} >> nth=0")
    found = pd.read_csv(io.StringIO(text), index_col="Group")
    assert name == "By-race-mean-over-findings.csv"
    assert {"AUC: CLIP", "AUC: CLIP low", "AUC: CLIP high"} <= set(found.columns)
    shown = page.locator("#groups tbody tr td .number").first.inner_text().split()[-1]
    assert float(found.iloc[0, 0]) == float(shown)
    name, text = seen.saved(f"{place} >> nth=1")
    assert name.endswith(".tex")
    assert text.count("\\\\") == 5
    assert "\\begin{tabular}{lrrrrrr}" in text


def test_themes_switches_and_saving_figures(seen: SimpleNamespace) -> None:
    page = seen.page
    themes, colours = [], []
    for _ in range(2):
        page.click("#theme")
        themes.append(page.evaluate("document.documentElement.dataset.theme"))
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert sorted(themes) == ["dark", "light"]
    assert len(set(colours)) == 2
    page.select_option("#gaps-switch", label="AUC gap")
    assert page.locator("#gap-0 .xtitle").text_content() == "AUC gap (0 = equal)"
    for kind in ("svg", "png"):
        with page.expect_download() as download:
            page.click(f"#gap-0 ~ .tools [data-save={kind}]")
        assert download.value.suggested_filename == f"gap-0.{kind}"


def test_a_term_is_explained_on_hover_and_on_focus_until_escape(seen: SimpleNamespace) -> None:
    page = seen.page
    term, tip = page.locator("#leakage .term").first, page.locator("#tip")
    assert tip.is_hidden()
    term.hover()
    assert "turns an image into" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()
    term.focus()
    assert tip.is_visible()
    page.keyboard.press("Escape")


def test_everything_has_a_name_a_place_and_enough_contrast(seen: SimpleNamespace) -> None:
    """Landmarks, names, order of headings, focus, contrast."""
    page = seen.page
    assert [page.locator(tag).count() for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1]
    nameless = (
        "[...document.querySelectorAll('button, select, input, nav, form, [role=img], [role=group]')].filter("
    )
    nameless += (
        "n => !(n.textContent.trim() && n.tagName === 'BUTTON') && !n.ariaLabel && !(n.labels || []).length)"
    )
    assert page.evaluate(f"{nameless}.map(n => n.outerHTML.slice(0, 90))") == []
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.locator("[tabindex]:not([tabindex='0']):not([tabindex='-1'])").count() == 0
    for _ in range(2):
        page.click("#theme")
        for ink in ("ink", "soft", "muted", "accent"):
            for ground in ("page", "card", "band"):
                assert _contrast(page, ink, ground) >= 4.5, (ink, ground)


def _contrast(page: Any, ink: str, ground: str) -> float:
    """The ratio of WCAG 2.2 between two colours of the page's palette."""

    def luminance(name: str) -> float:
        value = page.evaluate(
            f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()"
        )
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted(map(luminance, (ink, ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["as the system has it", "the other"])
def test_axe_finds_nothing_serious(seen: SimpleNamespace, theme: str) -> None:
    axe = files(pytest.importorskip("axe_playwright_python")).joinpath("axe.min.js")
    page = seen.page
    if theme == "the other":
        page.click("#theme")
    for plot in page.locator(".plot").all():
        if plot.is_visible():
            plot.scroll_into_view_if_needed()
    # Through the protocol of the browser's tools, which the page's policy does not bind.
    page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    if theme == "the other":
        page.click("#theme")
    assert len(found["passes"]) > 20
    assert [
        (v["id"], [n["target"] for n in v["nodes"]])
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
    ] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_never_scrolls_sideways(seen: SimpleNamespace, width: int) -> None:
    page = seen.page
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_through_all_of_it_no_complaint_and_no_request(seen: SimpleNamespace) -> None:
    assert seen.messages == []
    assert seen.outside() == []


def test_a_gap_is_that_of_the_table_and_undefined_where_the_table_has_none(opened, tmp_path: Path) -> None:
    """Site B has no positives, so that only its false positive rate is known; the audit then gives no odds difference."""
    rng = np.random.default_rng(3)
    n = 900
    site, sex = rng.choice(["A", "B"], n), rng.choice(["F", "M"], n)
    label = np.where(site == "B", 0, rng.integers(0, 2, n))
    score = np.round(0.3 * label + 0.1 * (site == "B") + rng.uniform(0, 0.6, n), 6)
    table = pd.DataFrame({"image_id": [f"i{i}" for i in range(n)], "finding": "Edema", "label": label})
    table = table.assign(score=score, site=site, sex=sex)
    table.to_csv(tmp_path / "predictions.csv", index=False)
    found = audit(table, attributes=["site", "sex"], threshold=0.41, replicates=0, threads=1)
    found.save(tmp_path)
    page = opened(report([tmp_path], out=tmp_path / "report.html")).page
    for attribute in ("site", "sex"):
        page.select_option("#filter-attribute", label=attribute)
        gap = found.value("equalized_odds_difference", finding="Edema", attribute=attribute)
        said = "undefined" if np.isnan(gap) else f"{gap:.3f}".lstrip("0")
        assert (said == "undefined") == (attribute == "site")
        assert page.text_content("#threshold-value").endswith(f"equalized odds difference {said}")
    page.select_option("#filter-attribute", label="site")
    gaps = page.locator("#rates-table tbody tr").last.locator("td .number").all_inner_texts()
    rates = [found.value("fpr", finding="Edema", attribute="site", group=group) for group in "AB"]
    assert gaps == ["undefined", f"{abs(rates[0] - rates[1]):.3f}".lstrip("0")]


def test_names_that_look_like_html_stay_text_in_figures(
    opened, fake: SimpleNamespace, tmp_path: Path
) -> None:
    table = fake.comparison(
        models=("<a href='https://evil.example'>m</a>", "adfair"), findings=("<b>Edema</b>",)
    )
    table.to_csv(tmp_path / "comparison.csv", index=False)
    seen = opened(report([tmp_path], out=tmp_path / "report.html", title="<img src=x onerror=alert(1)>"))
    seen.page.evaluate("window.adfair.drawAll()")
    labels = seen.page.locator("#gap-0 .ytick text").all_text_contents()
    assert labels == ["Mean of findings", "<b>Edema</b>"]
    assert seen.page.locator(".plot a").count() == 0
    assert "<a href=" in seen.page.locator("#gap-0 .legendtext").first.text_content()
    assert seen.dialogs == []
    assert seen.outside() == []


def test_the_policy_holds_against_a_script_that_got_in(opened, demo: Path, tmp_path: Path) -> None:
    path = report([demo], out=tmp_path / "report.html")
    spoiled = "<script>alert(1)</script><img src=https://evil.example/x.png>"
    text = path.read_text(encoding="utf-8").replace("</main>", f"{spoiled}</main>")
    path.write_text(text, encoding="utf-8")
    seen = opened(path)
    assert seen.dialogs == []
    assert len([m for m in seen.messages if "Content Security Policy" in m]) == 2


def test_the_page_of_a_sweep_draws_and_switches_without_a_complaint(opened, tmp_path: Path) -> None:
    shared = {"test_set": "test", "n": 3, "baseline": "clip", "note": "", "sd": 0.01}
    metrics = (("auc", "", 0.9), ("equalized_odds_difference", "race", 0.1))
    rows = [
        shared | {"cohort": cohort, "arm": arm, "metric": m, "attribute": a, "mean": mean + 0.01 * i}
        for cohort in ("default", "<b>wide</b>")
        for i, arm in enumerate(("clip", "<a href='https://evil.example'>m</a>"))
        for m, a, mean in metrics
    ]
    accuracy, cost = (Figure("test", m, a) for m, a, _ in metrics)
    path = tmp_path / "frontier.html"
    path.write_text(frontier_page(pd.DataFrame(rows), accuracy=accuracy, costs=[cost]), encoding="utf-8")
    seen = opened(path)
    seen.page.select_option("#frontier-switch", label="<b>wide</b>")
    assert seen.page.locator(".plot a").count() == 0
    assert "<a href=" in " ".join(seen.page.locator("#frontier-0 .textpoint").all_text_contents())
    assert seen.messages == []
    assert seen.outside() == []
