"""What a command wrote down beside its tables, and whether it is of the table that lies there now.

An audit may be written into the folder of an evaluation, and the other way round: ``metrics.csv`` is then replaced
and the older record stays. Each record holds the hash of its own table.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from adfair.errors import DataError
from adfair.reporting.scores import sha256

HASH = "metrics_sha256"
STRANGE = "record"
"""The fact that stands on the page where every record is of another table."""

_SETTINGS = ("level", "replicates", "permutations", "adjustment", "seed")


def read_json(path: Path) -> dict[str, Any]:
    """The keys of a JSON file; none without the file. Raises DataError when it cannot be read or holds no keys."""
    return _mapping(path, json.loads) if path.is_file() else {}


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys of a YAML file, as ``read_json`` gives them."""
    return _mapping(path, yaml.safe_load) if path.is_file() else {}


def _mapping(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError):
        raise DataError.at("cannot be read", file=path, remedy="Write it again or remove it") from None
    if not isinstance(content, dict):
        raise DataError.at("holds no keys", file=path, remedy="Write it again or remove it")
    return content


def recorded(folder: Path) -> dict[str, Any]:
    """How the table of a folder came to be: a demonstration, an evaluation or an audit.

    Of two records the one whose hash is that of ``metrics.csv`` counts. A record of an older version has no hash: it
    counts where none fits, an evaluation before an audit. Where every record is of another table, that alone is said.
    """
    if demo := read_json(folder / "demo.json"):
        return demo
    kinds = (("evaluation.json", dict), ("audit.json", _of_audit))
    held = [(name, found, facts) for name, facts in kinds if (found := read_json(folder / name))]
    table = folder / "metrics.csv"
    digest = sha256(table) if held and table.is_file() else None
    fitting = [each for each in held if digest in (None, each[1].get(HASH))]
    fitting += [each for each in held if HASH not in each[1]]
    if fitting:
        _, found, facts = fitting[0]
        return {key: value for key, value in facts(found).items() if key != HASH}
    names = " and ".join(name for name, *_ in held)
    return {STRANGE: f"of another metrics.csv than the one here, so not shown: {names}"} if held else {}


def require_own_table(folder: Path, facts: Mapping[str, Any]) -> None:
    """Refuse the record of an evaluation whose ``metrics.csv`` something else has written over.

    Raises:
        DataError: the record holds a hash, and it is not that of the table there.
    """
    table = folder / "metrics.csv"
    if HASH in facts and table.is_file() and sha256(table) != facts[HASH]:
        raise DataError.at(
            "is not the table of the evaluation.json beside it",
            file=table,
            remedy="An audit, perhaps, was written over it. Evaluate again with --force, and write audits elsewhere.",
        )


def _of_audit(audit: dict[str, Any]) -> dict[str, Any]:
    settings = audit.get("settings") or {}
    chosen = {key: settings.get(key) for key in _SETTINGS}
    if chosen["permutations"] is None:
        chosen["permutations"] = chosen["replicates"]
    notes = {"notes": "; ".join(audit["notes"])} if audit.get("notes") else {}
    return {**(audit.get("facts") or {}), **chosen, **notes}
