"""From ``ReportData`` to one HTML file that needs nothing else and can ask for nothing else."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adfair import __version__
from adfair.data.staging import replace_file
from adfair.errors import DataError
from adfair.reporting.data import ReportData
from adfair.reporting.glossary import TERMS, glossed
from adfair.reporting.key_figures import key_figures
from adfair.reporting.library import library
from adfair.reporting.sections import sections
from adfair.reporting.sources import read_sources
from adfair.reporting.verdict import verdict
from adfair.reporting.view import GLYPHS

# Plotly adds a style sheet for maps unless an element of this id exists; the policy would refuse it, loudly.
MAP_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
SCRIPTS = ("report.js", "tables.js", "explore.js")
# Characters that end a script element or a line of script inside one.
ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'\u2028\u2029"}


def report(
    sources: Sequence[Path], *, out: Path, title: str | None = None, images: Path | None = None
) -> Path:
    """Write the page for one or more result folders.

    Args:
        sources: folders of ``adfair demo`` or ``adfair compare`` (``comparison.csv``), or of an evaluation or
            audit (``metrics.csv``). The first one's ``demo.json`` and ``cohort/`` tell how it was made.
        out: the HTML file; its folder is made if need be.
        title: the page's title, by default the models' names.
        images: a cohort's folder; images that the models missed are then put on the page. They may show patients, so
            this is never done by default.

    Returns:
        The path written.

    Raises:
        DataError: a folder is missing, holds no table, or a table is not what it must be; or ``out`` is a folder.
    """
    _require_file(Path(out))
    return write_report(read_sources(sources, title=title, images=images), out)


def write_report(data: ReportData, out: Path) -> Path:
    """Write the page of ``data`` to ``out``, all of it or nothing; the same data gives the same bytes.

    Raises:
        DataError: ``out`` is a folder.
    """
    out = Path(out)
    _require_file(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    replace_file(out, render(data).encode())
    return out


def _require_file(out: Path) -> None:
    if out.is_dir():
        raise DataError.at("is a folder", file=out, remedy="Name the page, for example report.html, in --out")


def render(data: ReportData) -> str:
    """The page as text."""
    return page(
        "report.html.j2",
        title=data.title,
        verdict=verdict(data),
        key_figures=key_figures(data),
        sections=sections(data),
        test_set=data.test_sets[0],
        synthetic=data.facts.get("synthetic") is True,
        glossary=TERMS,
    )


def page(template: str, **content: Any) -> str:
    """A page of one of our templates, with everything in it that it needs, closed to everything else."""
    plotly = library()
    style, own = _template("report.css"), "\n".join(map(_template, SCRIPTS))
    scripts = (plotly, own)
    environment = Environment(
        loader=PackageLoader("adfair.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"island": island, "glossed": glossed}
    return environment.get_template(template).render(
        policy=content_security_policy(style, scripts),
        style=Markup(style),
        scripts=[Markup(s) for s in scripts],
        map_styles=sorted(set(MAP_STYLE.findall(plotly))),
        glyphs=GLYPHS,
        version=__version__,
        **content,
    )


def island(value: Any) -> Markup:
    """JSON that is safe inside a script element and decodes to the same strings."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(ESCAPES))


def content_security_policy(style: str, scripts: Sequence[str]) -> str:
    """Forbid the network and any script or style sheet but those the page was written with.

    The hash of the empty string admits the style element that plotly opens and fills by its own rules.
    """
    sheets = " ".join((_hash(style), _hash("")))
    code = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {code}; style-src {sheets}; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _template(name: str) -> str:
    return (files("adfair.reporting") / "templates" / name).read_text(encoding="utf-8")
