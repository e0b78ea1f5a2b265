import importlib.util
import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

import adfair
from adfair.cli import app

DOCS = Path(__file__).parents[2] / "docs"
NAMES = re.findall(r"^::: (\S+)$", (DOCS / "api.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("api_page", DOCS / "api_page.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_is_what_python_has(hook: ModuleType, name: str) -> None:
    module, _, own = name.rpartition(".")
    shown, real = hook.section(name), getattr(import_module(module), own)
    assert inspect.getdoc(real) in shown
    if inspect.isfunction(real):
        for argument in inspect.signature(real).parameters:
            assert re.search(rf"^    \*{{0,2}}{argument}\b", shown, re.MULTILINE), argument


def test_the_page_shows_everything_that_adfair_offers(hook: ModuleType) -> None:
    assert {name.rpartition(".")[2] for name in NAMES} >= set(adfair.__all__) - {"__version__"}
    page = hook.on_page_markdown("before\n\n::: adfair.errors.ConfigError\n\nafter", page=None)
    assert "class ConfigError(AdfairError)" in page
    assert ":::" not in page
    with pytest.raises(KeyError):
        hook.section("adfair.errors.Nothing")


def test_commands_that_are_no_function_are_named() -> None:
    named = re.search(r"`adfair ([^.]*) are commands\s+alone", (DOCS / "api.md").read_text())
    assert named
    alone = set(vars(get_command(app))["commands"]) - set(adfair.__all__)
    assert re.findall(r"`?(\w+)`", named[1]) == sorted(alone)
