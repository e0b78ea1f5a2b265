"""The page: one file, nothing live that was not written here, nothing asked of the network."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from tests.reporting.poison import ADDRESSES, PAYLOADS, PLACES, Page, poisoned

from adfair.cli.app import run
from adfair.errors import DataError
from adfair.reporting import report, write_report
from adfair.reporting.render import content_security_policy, island, render
from adfair.reporting.sources import read_sources


@pytest.fixture
def without_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the library, which is long and the same in every page."""
    monkeypatch.setattr("adfair.reporting.render.library", lambda: "/* plotly */")


@pytest.fixture(scope="module")
def harmless(fake: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Page:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adfair.reporting.render.library", lambda: "/* plotly */")
        return Page(render(poisoned(fake, tmp_path_factory.mktemp("harmless"), "word")))


def test_there_are_fifty_payloads() -> None:
    assert len(set(PAYLOADS)) == 50


@pytest.mark.usefixtures("without_plotly")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_makes_a_node(fake: SimpleNamespace, tmp_path: Path, harmless: Page, payload: str) -> None:
    page = Page(render(poisoned(fake, tmp_path, payload)))
    # Same elements with the same attributes as with a plain word everywhere: nothing came alive.
    assert page.shape == harmless.shape
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ADDRESSES:
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png"))
    shown = " ".join(page.text) + " ".join(str(v) for _, a in page.elements for v in a.values())
    assert [place for place in PLACES if f"{payload}{place}" not in shown] == []
    for place in ("finding", "model", "attribute"):
        assert _inside(f"{payload}{place}", page.islands)


def _inside(payload: str, value: object) -> bool:
    if isinstance(value, dict):
        return any(_inside(payload, v) for v in value.values())
    if isinstance(value, list):
        return any(_inside(payload, v) for v in value)
    return isinstance(value, str) and payload in value


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_island_decodes_to_the_same_strings_and_cannot_end_its_script(payload: str) -> None:
    value = {"name": payload, payload: [payload, 1.5, None]}
    text = str(island(value))
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_an_island_refuses_numbers_that_are_not_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        island({"x": float("nan")})


@pytest.fixture(scope="module")
def page_path(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report([demo], out=tmp_path_factory.mktemp("page") / "deep" / "report.html")


@pytest.fixture(scope="module")
def page(page_path: Path) -> Page:
    return Page(page_path.read_text(encoding="utf-8"))


def test_one_file_below_eight_megabytes_that_is_the_same_each_time(
    page_path: Path, demo: Path, tmp_path: Path
) -> None:
    again = report([demo], out=tmp_path / "again.html")
    assert page_path.read_bytes() == again.read_bytes()
    assert page_path.stat().st_size < 8 * 2**20
    assert list(page_path.parent.iterdir()) == [page_path]


def test_the_policy_forbids_the_network_and_fits_the_scripts(page: Page) -> None:
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    assert policy is not None
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert (
        rules["default-src"] == rules["connect-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    )
    assert rules["img-src"] == "data:"
    assert "unsafe" not in policy
    code = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(code) == 2
    assert content_security_policy("", code).split(";")[1].strip() == f"script-src {rules['script-src']}"


def test_no_element_names_an_address_outside(page: Page) -> None:
    for _, attributes in page.elements:
        for name in ADDRESSES:
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png"))


def test_every_section_is_there_and_every_link_in_the_page_arrives(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    wanted = {
        "verdict",
        "gaps",
        "groups",
        "test-sets",
        "leakage",
        "explore",
        "intersections",
        "tradeoff",
        "projection",
        "cohort",
        "training",
        "samples",
        "provenance",
        "reading",
        "limits",
    }
    assert wanted <= set(ids)
    for _, attributes in page.elements:
        assert (attributes.get("href") or "#verdict")[1:] in ids
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set((attributes.get(name) or "").split()) <= set(ids)


def test_tables_have_captions_and_figures_a_text_alternative(page: Page) -> None:
    elements = page.elements
    count = {
        tag: sum(t == tag for t, _ in elements) for tag in ("table", "caption", "figure", "figcaption", "img")
    }
    assert count["table"] == count["caption"] > 10
    assert count["figure"] == count["figcaption"] == 24
    plots = [a for _, a in elements if a.get("class") == "plot"]
    # Nine of the explorer, whose script says what they show, and fifteen that say it themselves.
    assert len(plots) == 24
    said = [a for a in plots if a["data-family"] != "explore"]
    assert len(said) == 15
    assert all(a["role"] == "img" and len(a["aria-label"] or "") > 40 for a in said)
    assert count["img"] == 18
    assert all(a.get("alt") for t, a in elements if t == "img")


def test_undefined_values_are_shown_with_their_reason(page_path: Path) -> None:
    text = page_path.read_text(encoding="utf-8")
    shown = re.findall(
        r'class="undefined"><span class="number">undefined:</span>\s*<span class="detail">([^<]*)<', text
    )
    # Unknown in both attributes: three metrics, two models, the mean and five findings.
    assert shown == ["no positive image among 7"] * (2 * 3 * 2 * 6)


def test_what_was_run_names_command_seed_rule_hash_and_differing_keys(page_path: Path) -> None:
    text = page_path.read_text(encoding="utf-8")
    for words in (
        "adfair demo --out runs/demo --seed 0",
        "youden on val",
        "0" * 64,
        "151.2",
        "adfair 0.1.0, numpy 2.4.1",
    ):
        assert words in text
    differing = text.split("Configuration keys that differ</span></caption>")[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">([^<]+)<', differing) == [
        "objective.adversary_weight",
        "objective.fairness",
    ]


@pytest.mark.usefixtures("without_plotly")
def test_a_folder_is_no_page_and_nothing_is_left_beside_it(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    assert run(["report", str(demo), "--out", str(folder), "--force"]) == 2
    assert f"error: {folder}: is a folder. Name the page" in capsys.readouterr().err
    with pytest.raises(DataError, match="is a folder"):
        write_report(read_sources([demo]), folder)
    assert list(tmp_path.rglob("*")) == [folder]


@pytest.mark.usefixtures("without_plotly")
def test_a_page_that_cannot_be_finished_leaves_the_old_one_and_no_part(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = report([demo], out=tmp_path / "report.html")
    before = page.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        report([demo], out=page)
    assert list(tmp_path.iterdir()) == [page]
    assert page.read_bytes() == before


@pytest.mark.usefixtures("without_plotly")
def test_an_audit_alone_makes_a_page_without_the_parts_it_lacks(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    table = fake.comparison(models=("clip",)).query("test_set == 'test'").drop(columns=["model", "test_set"])
    table = table[~table["metric"].str.startswith("leakage")]
    folder = tmp_path / "my audit"
    folder.mkdir()
    table.to_csv(folder / "metrics.csv", index=False)
    page = Page(render(read_sources([folder], title="An audit")))
    ids = {a.get("id") for _, a in page.elements}
    assert {"gaps", "groups", "provenance"} <= ids
    assert not {"leakage", "training", "samples", "test-sets"} & ids
    assert "An audit" in page.text


@pytest.mark.usefixtures("without_plotly")
def test_without_groups_the_page_says_that_it_cannot_speak_of_fairness(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    rows = [fake.row("clip", "auc", 0.8), fake.row("adfair", "auc", 0.9)]
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(tmp_path / "comparison.csv", index=False)
    assert "says nothing about fairness" in render(read_sources([tmp_path]))


def test_the_styles_hold_both_colour_schemes_alike() -> None:
    style = (Path(__file__).parents[2] / "src/adfair/reporting/templates/report.css").read_text(
        encoding="utf-8"
    )
    chosen, preferred = re.findall(r"color-scheme: dark;(.*?)\}", style, flags=re.DOTALL)
    assert chosen.split() == preferred.split()
