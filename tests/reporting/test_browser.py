"""The page in a real browser: figures drawn, nothing refused, nothing requested, no name alive."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from adfair.auditing.repeats import Figure
from adfair.reporting import report
from adfair.reporting.frontier import frontier_page

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    """A function that opens a page and records what it complains of and asks for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    # Generous, since a busy machine takes many seconds to read the page's library for the first time.
    context.set_default_timeout(120_000)

    def open_page(path: Path) -> SimpleNamespace:
        page = context.new_page()
        seen = SimpleNamespace(page=page, messages=[], requests=[], dialogs=[])
        page.on("console", lambda message: seen.messages.append(message.text))
        page.on("pageerror", lambda error: seen.messages.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        page.wait_for_function("document.querySelectorAll('.plot .main-svg').length > 0")
        return seen

    yield open_page
    context.close()


def _outside(requests: list[str]) -> list[str]:
    return [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]


def test_figures_switch_theme_save_and_print_without_a_complaint(opened, demo: Path, tmp_path: Path) -> None:
    seen = opened(report([demo], out=tmp_path / "report.html"))
    page = seen.page
    assert page.evaluate("[...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))")
    before = page.evaluate("document.documentElement.dataset.theme")
    page.click("#theme")
    assert {before, page.evaluate("document.documentElement.dataset.theme")} == {"light", "dark"}
    page.select_option("#gaps-switch", label="AUC gap")
    assert page.locator("#gap-0 .xtitle").text_content() == "AUC gap (0 = equal)"
    for kind in ("svg", "png"):
        with page.expect_download() as download:
            page.click(f"#gap-0 ~ .tools [data-save={kind}]")
        assert download.value.suggested_filename == f"gap-0.{kind}"
    assert page.pdf().startswith(b"%PDF")
    assert seen.messages == []
    assert _outside(seen.requests) == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_never_scrolls_sideways(opened, demo: Path, tmp_path: Path, width: int) -> None:
    page = opened(report([demo], out=tmp_path / "report.html")).page
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_names_that_look_like_html_stay_text_in_figures(
    opened, fake: SimpleNamespace, tmp_path: Path
) -> None:
    table = fake.comparison(
        models=("<a href='https://evil.example'>m</a>", "adfair"), findings=("<b>Edema</b>",)
    )
    table.to_csv(tmp_path / "comparison.csv", index=False)
    seen = opened(report([tmp_path], out=tmp_path / "report.html", title="<img src=x onerror=alert(1)>"))
    labels = seen.page.locator("#gap-0 .ytick text").all_text_contents()
    assert labels == ["Mean of findings", "<b>Edema</b>"]
    assert seen.page.locator(".plot a").count() == 0
    assert "<a href=" in seen.page.locator("#gap-0 .legendtext").first.text_content()
    assert seen.dialogs == []
    assert _outside(seen.requests) == []


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
    assert _outside(seen.requests) == []
