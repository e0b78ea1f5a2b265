"""Every code block of the README and the documents: run where it is marked, else checked for what it names.

A fence below ``<!-- run -->`` is run, page by page and top to bottom, in a folder that holds a small cohort and a table
of predictions. The others need real data or minutes: commands, options and arguments must exist, Python must parse.
"""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer.main
import yaml

import adfair.cli  # noqa: F401, registers the commands
from adfair.cli.app import app, run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"(<!-- run -->\n)?^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = typer.main.get_command(app)


def blocks(page: Path, *, marked: bool) -> list[tuple[str, str]]:
    """Language and text of a page's fences."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(language, text) for mark, language, text in found if bool(mark) == marked]


def commands(language: str, text: str) -> list[list[str]]:
    """The words of every adfair command in a block, without comments, pipes and prompts."""
    if language not in ("bash", "sh", "console", ""):
        return []
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if "adfair " in line]
    return [line[1:] for line in words if line and line[0] == "adfair"]


def check(arguments: list[str]) -> None:
    """Parse a command without running it; the parser's own error names what does not exist."""
    if arguments == ["--version"]:
        return
    name, *rest = arguments
    assert name in COMMAND.commands, f"no command 'adfair {name}'"
    COMMAND.commands[name].make_context(name, [a for a in rest if a not in ("|", "head")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_is_not_run_names_commands_and_options_that_exist(page: Path) -> None:
    for language, text in blocks(page, marked=False):
        if language == "python":
            compile(text, str(page), "exec")
        if language == "yaml":
            yaml.safe_load(text)
        for arguments in commands(language, text):
            check(arguments)


def test_the_check_finds_what_is_wrong() -> None:
    with pytest.raises(AssertionError, match="no command 'adfair adit'"):
        check(["adit", "x.csv"])
    for wrong in (["audit", "x.csv", "--attribute", "sex"], ["audit"], ["export", "run", "--format", "onnx"]):
        with pytest.raises(Exception, match=r"No such option|Missing"):
            check(wrong)
    assert commands("bash", "adfair audit a.csv \\\n  --seed 1  # why\nls\n") == [
        ["audit", "a.csv", "--seed", "1"]
    ]


@pytest.fixture(scope="module")
def workplace(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the blocks run: ``runs/cohort``, ``predictions.csv``, ``examples/``."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(small_cohort, folder / "runs" / "cohort")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("*.ipynb"))
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 200)
    score = 1 / (1 + np.exp(-rng.normal(label, 1)))
    people = {"sex": rng.choice(["F", "M"], 200), "race": rng.choice(["Asian", "Black"], 200)}
    pd.DataFrame({"label": label, "score": score, **people}).to_csv(folder / "predictions.csv", index=False)
    return folder


@pytest.mark.parametrize(
    "page", [p for p in PAGES if blocks(p, marked=True)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_what_is_marked_runs(page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    for language, text in blocks(page, marked=True):
        if language == "python":
            exec(compile(text, str(page), "exec"), {"__name__": "__main__"})
            continue
        found = commands(language, text)
        assert len(found) == sum(bool(line.strip()) for line in text.splitlines()), (
            "only adfair commands are run"
        )
        for arguments in found:
            assert run(arguments) == 0, arguments


def test_the_tutorial_is_run_from_its_table_to_its_page() -> None:
    languages = [language for language, _ in blocks(ROOT / "docs" / "tutorial.md", marked=True)]
    assert languages == ["python", "bash", "bash", "bash"]


def test_the_site_has_every_page_once_and_every_link_leads_somewhere() -> None:
    def pages(tree: object) -> list[str]:
        if isinstance(tree, str):
            return [tree]
        parts = tree.values() if isinstance(tree, dict) else tree
        return [page for part in parts for page in pages(part)]  # type: ignore[attr-defined]

    nav = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted(str(p.relative_to(ROOT / "docs")) for p in PAGES[1:])
    for page in PAGES[1:]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" not in target:
                file, _, anchor = target.partition("#")
                leads_to = page.parent / file if file else page
                assert leads_to.is_file(), f"{page.name}: {target}"
                assert not anchor or anchor in anchors(leads_to), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that the site gives a page's headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", head).strip().lower() for head in heads]
    return {re.sub(r"[-\s]+", "-", head) for head in plain}
