"""A reader's walk through four pages: of a demonstration, of four models, of one audit, and of an audit of real films.

``make pictures`` walks through the page of ``runs/demo`` and leaves the documents' pictures of it in ``docs``.
"""

import importlib.util
import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from adfair.reporting import report
from adfair.reporting.text import number

EXAMPLE = Path(__file__).parents[2] / "examples" / "audit_nih_pixels.py"
PICTURES = os.environ.get("ADFAIR_PICTURES", "")
PHONE = {"width": 390, "height": 844}
# Words of a figure that stick out of it, or stand on one another.
ILLEGIBLE = """() => [...document.querySelectorAll('.plot')].flatMap(function (plot) {
  const box = plot.getBoundingClientRect();
  const words = [...plot.querySelectorAll('svg text')]
    .map((node) => ({ text: plot.id + ': ' + node.textContent, at: node.getBoundingClientRect() }))
    .filter((word) => word.at.width && word.at.height);
  const out = ({ at }) => at.left < box.left - 1 || at.right > box.right + 1
    || at.top < box.top - 1 || at.bottom > box.bottom + 1;
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const crossed = words.filter((word, i) => words.slice(i + 1).some((other) => meet(word.at, other.at)));
  return [...words.filter(out), ...crossed].map((word) => word.text);
})"""


def _invented_audit(fake: SimpleNamespace, demo: Path, folder: Path) -> Path:
    """The folder of one model's audit, as ``adfair audit`` leaves it: no second model to compare with."""
    fake.comparison(models=("clip",)).query("test_set == 'test'").drop(columns=["model", "test_set"]).to_csv(
        folder / "metrics.csv", index=False
    )
    (folder / "predictions.csv").write_bytes((demo / "clip" / "predictions.csv").read_bytes())
    return folder


def _four_models(fake: SimpleNamespace, demo: Path, folder: Path) -> Path:
    """The folder of as many models as ``adfair demo`` trains."""
    models = ("clip", "scrubbed_clip", "adfair", "auto")
    fake.comparison(models=models).to_csv(folder / "comparison.csv", index=False)
    for model in models:
        (folder / model).mkdir()
        (folder / model / "predictions.csv").write_bytes((demo / "clip" / "predictions.csv").read_bytes())
    return folder


def _real_audit(pack: Path, folder: Path) -> Path:
    spec = importlib.util.spec_from_file_location("audit_nih_pixels", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.run(pack, folder)
    return folder


@pytest.fixture(
    scope="module", params=["demo", "four", "audit", pytest.param("films", marks=pytest.mark.pack)]
)
def seen(
    request: pytest.FixtureRequest,
    opened: Any,
    fake: SimpleNamespace,
    demo: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> SimpleNamespace:
    """The opened page, which the tests take in turns; each leaves it as it found it."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "films":
        source = _real_audit(request.getfixturevalue("pack"), folder)
    elif request.param == "four":
        source = _four_models(fake, demo, folder)
    elif request.param == "audit":
        source = _invented_audit(fake, demo, folder)
    else:
        source = Path(os.environ.get("ADFAIR_DEMO", demo))
    found = opened(report([source], out=tmp_path_factory.mktemp("page") / "report.html"))
    found.name = request.param
    return found


def _picture(seen: SimpleNamespace, name: str, **how: Any) -> None:
    if PICTURES and seen.name == "demo":
        seen.page.screenshot(path=Path(PICTURES) / f"{name}.png", **how)


def _all_drawn(page: Any) -> None:
    page.evaluate("window.adfair.drawAll()")
    assert page.locator(".plot:visible").count() == page.locator(".plot:visible:has(.main-svg)").count()


def test_the_first_screen(seen: SimpleNamespace) -> None:
    page = seen.page
    page.set_viewport_size({"width": 1280, "height": 1100})
    assert page.locator("h1").is_visible()
    assert page.locator(".card").count() == 3
    page.locator("#gap-0 .main-svg").first.wait_for()
    page.locator("#gap-1 .main-svg").first.wait_for()
    _picture(seen, "report")


def test_filters_leave_what_was_chosen_and_come_off_again(seen: SimpleNamespace) -> None:
    page = seen.page
    _all_drawn(page)
    before = page.locator(".plot:visible").count()
    chosen = []
    for name in ("finding", "attribute", "model"):
        options = page.locator(f"#filter-{name} option").all_text_contents()
        page.select_option(f"#filter-{name}", label=options[-1])
        chosen.append(options[-1])
    assert page.text_content("#filter-status") == f"Showing {', '.join(chosen)}"
    assert page.locator(".plot:visible").count() <= before
    model = set(page.locator("#forest-auc .legendtext").all_text_contents())
    assert model <= {chosen[2], chosen[2][:29] + "…"}
    assert page.locator("#curves .figure:visible").count() == 3
    page.click("#filter-reset")
    assert page.locator(".plot:visible").count() == before
    assert "all models" in page.text_content("#filter-status")


def test_the_threshold_moves_every_rate_and_goes_back(seen: SimpleNamespace) -> None:
    page = seen.page
    rates = page.locator("#rates-table tbody tr:not(:last-child) td .number")
    said, held = page.text_content("#threshold-value"), rates.all_inner_texts()
    page.focus("#threshold")
    page.keyboard.press("End")
    assert set(rates.all_inner_texts()) <= {"1.000", "undefined"}
    page.keyboard.press("Home")
    assert float(rates.first.inner_text()) < 0.5
    page.click("#threshold-reset")
    assert (page.text_content("#threshold-value"), rates.all_inner_texts()) == (said, held)


def test_a_figure_is_printed_alike_wherever_it_stands(seen: SimpleNamespace) -> None:
    page = seen.page
    page.click("#forest-numbers > summary")
    page.locator("#forest-table table").wait_for()
    live = page.locator("#forest-table tbody td .number").all_inner_texts()
    written = page.locator("#groups table").first.locator("tbody td .number").all_inner_texts()
    assert live == [text.removeprefix("worst").strip() for text in written]
    page.click("#forest-numbers > summary")


def test_a_rate_is_a_count_of_its_images(seen: SimpleNamespace) -> None:
    cells = seen.page.locator("#rates-table tbody tr:not(:last-child) td").all_inner_texts()
    for rate, _, images in (cell.split() for cell in cells if "undefined" not in cell):
        counts = (number(k / int(images)) for k in range(int(images) + 1))
        assert rate in counts, (rate, images)


def test_a_table_sorts_and_is_taken_along_as_sorted(seen: SimpleNamespace) -> None:
    page = seen.page
    table = page.locator("#groups table").first
    button = table.locator(".sort").nth(1)
    button.click()
    names = [name.split("\n")[0] for name in table.locator("tbody th").all_inner_texts()]
    _, text = seen.saved("#groups .export >> nth=0 >> button >> nth=0")
    saved = pd.read_csv(io.StringIO(text), keep_default_na=False)
    assert saved["Group"].tolist() == names
    values = pd.to_numeric(saved.iloc[:, 1], errors="coerce").dropna()
    assert values.is_monotonic_increasing
    assert len(values) > 1
    _, text = seen.saved("#groups .export >> nth=0 >> button >> nth=1")
    assert text.count("\\\\") == len(names) + 1
    button.click()
    button.click()


def test_dark_and_printed(seen: SimpleNamespace) -> None:
    page = seen.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.click("#theme")
    assert page.evaluate(ground) != light
    page.evaluate("document.querySelector('#explore').scrollIntoView({ behavior: 'instant' })")
    page.wait_for_timeout(100)
    _picture(seen, "report-explore")
    assert page.pdf().startswith(b"%PDF")
    assert page.evaluate(ground) != light, "after printing the reader's choice is back"
    page.click("#theme")
    assert page.evaluate(ground) == light


@pytest.mark.parametrize("width", [1280, PHONE["width"]])
def test_every_word_of_a_figure_can_be_read_at_this_width(seen: SimpleNamespace, width: int) -> None:
    page = seen.page
    page.set_viewport_size({**PHONE, "width": width})
    page.wait_for_timeout(300)
    _all_drawn(page)
    assert page.evaluate(ILLEGIBLE) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if width == PHONE["width"]:
        page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")
        _picture(seen, "report-phone")


def test_nothing_complained_and_nothing_was_asked_for(seen: SimpleNamespace) -> None:
    assert seen.messages == []
    assert seen.dialogs == []
    assert seen.outside() == []
