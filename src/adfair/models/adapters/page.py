"""The table of adapters, for terminals and for the documentation."""

from pathlib import Path

from adfair.errors import ConfigError
from adfair.models.adapters.registry import ADAPTERS, About

START, END = "<!-- adfair models: table -->", "<!-- adfair models: end -->"
HEADINGS = ("adapter", "PATH", "where it is", "licence", "published weights saw", "preprocessing", "prompts")


def rows() -> list[tuple[str, ...]]:
    """One row an adapter, in the order of ``HEADINGS``."""
    return [(name, *_cells(about)) for name, about in ADAPTERS.items()]


def _cells(about: About) -> tuple[str, ...]:
    seen = ", ".join(about.trained_on) or "yours to know"
    return about.file, about.where, about.licence, seen, about.preprocessing, about.protocol


def markdown() -> str:
    """The table in Markdown."""
    lines = [HEADINGS, tuple("---" for _ in HEADINGS)]
    lines += [(f"`{name}`", *(cell.replace("|", "\\|") for cell in rest)) for name, *rest in rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain() -> str:
    """The adapters one below the other, for a terminal of any width."""
    return "\n\n".join(
        "\n".join(
            [row[0], *(f"  {head + ':':<23}{cell}" for head, cell in zip(HEADINGS[1:], row[1:], strict=True))]
        )
        for row in rows()
    )


def update(page: Path) -> None:
    """Put the table between its two marks in a page. Raises ConfigError where the page has no such marks."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"{page}: no {START} and {END} to put the table between")
    page.write_text(f"{head}{START}\n{markdown()}\n{END}{tail}", encoding="utf-8")
