"""The script of a page: shortened only where it was checked, and then without a name that nothing declares."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from adfair.reporting import library

PINNED = (Path(__file__).parents[2] / "constraints.txt").read_text(encoding="utf-8")
HEAD = "var Plotly=(()=>{var W=(e,t)=>()=>{}"
SCRIPT = (
    f"{HEAD};var core=W((a,b)=>{{b.exports=draw()}});var draw=W(a=>{{a.line=1}});var pie=W((a,b)=>{{b.x=slice()}})"
    ";var slice=W((a,b)=>{});var bar=W((a,b)=>{b.x=box()});var box=W((a,b)=>{})"
    ";var all=W((a,b)=>{var c=core();c.register([bar(),pie(),box()]);b.exports=c});return all();})();"
)


def test_what_only_kinds_that_are_not_drawn_call_is_left_out() -> None:
    found = library.shortened(SCRIPT)
    assert re.findall(r"var (\w+)=W\(", found) == ["core", "draw", "bar", "box", "all"]
    assert "c.register([bar()])" in found
    assert found.startswith(HEAD)
    assert found.endswith("return all();})();")


def test_a_script_of_another_build_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    library.library.cache_clear()
    monkeypatch.setattr(library, "get_plotlyjs", lambda: SCRIPT)
    assert library.library() == SCRIPT
    library.library.cache_clear()


@pytest.mark.skipif(f"plotly=={version('plotly')}" not in PINNED.split(), reason="not the pinned plotly")
def test_the_pinned_plotly_was_checked_and_keeps_its_licence() -> None:
    found = library.library()
    assert len(found) < 1_500_000
    assert "Licensed under the MIT license" in found[:300]
    assert library.shortened(found) == found
