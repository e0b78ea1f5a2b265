"""A hook of mkdocs: lines ``::: adfair.module.name`` of a page become the signature and docstring found in the source.

Nothing is imported, so the site is built without torch.
"""

import ast
import re
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[1] / "src"
Named = ast.FunctionDef | ast.ClassDef


def definition(name: str) -> Named:
    """The function or class of a dotted name. Raises KeyError where the source has none."""
    module, _, own = name.rpartition(".")
    path = SOURCE / (module.replace(".", "/") + ".py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, Named) and node.name == own:
            return node
    raise KeyError(name)


def section(name: str) -> str:
    """Heading, signature and docstring, as Markdown."""
    node = definition(name)
    doc = ast.get_docstring(node) or ""
    if isinstance(node, ast.ClassDef):
        head = f"class {node.name}({', '.join(map(ast.unparse, node.bases))})"
    else:
        lines = "".join(f"    {part},\n" for part in _arguments(node.args))
        head = f"{node.name}(\n{lines})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")
    return f"## {node.name}\n\n```text\n{head}\n\n{doc}\n```"


def _arguments(arguments: ast.arguments) -> list[str]:
    """One text an argument, ``*`` and ``**`` among them."""
    plain, marks = ast.unparse(arguments), []
    depth, start = 0, 0
    for i, letter in enumerate(plain):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            marks.append(plain[start:i].strip())
            start = i + 1
    return [part for part in [*marks, plain[start:].strip()] if part]


def rendered(markdown: str) -> str:
    """A page with its ``:::`` lines replaced."""
    return re.sub(r"^::: (\S+)$", lambda found: section(found[1]), markdown, flags=re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return rendered(markdown)
