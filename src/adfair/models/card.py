"""The model card: ``README.md`` beside the weights, in the Hugging Face format, from what the run knows of itself.

Nothing in it depends on where or when the run was made, so that the same run writes the same bytes; and nothing in
it is report text. The table of an audit is put in by ``add_audit``, once there is one.
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adfair.errors import ConfigError

CARD_FILE = "README.md"
BEGIN, END = "<!-- adfair-audit -->", "<!-- /adfair-audit -->"
NO_AUDIT = "Not audited yet: `adfair evaluate`, then `adfair card`. Do not use or share it before that."
FEW = 10
"""Patients; smaller groups are not counted in a card, which is made to be published (our choice)."""

HEAD = {
    "library_name": "open_clip",
    "pipeline_tag": "zero-shot-image-classification",
    "license": "other",
    "license_name": "see-the-training-data",
    "tags": ["clip", "chest-x-ray", "fairness", "adfair", "research-only"],
}
INTENDED = """Research on how models of chest X-rays treat groups of patients: audits, comparisons, methods.

**Not for clinical use.** It has not been tested as a medical device, and must not take part in the care of anyone:
not in diagnosis, not in triage, not as a second reader."""
LIMITS = """- Figures hold for the test set they come from. Another hospital has other patients, machines and reports.
- A small gap between groups is not proof of fairness: compare it with the gap by chance, and look at the interval.
- That a group can hardly be read from the embeddings (leakage) does not make the errors equal, nor the reverse.
- Groups are those that the data record. Recorded race and sex are not how patients see themselves, and patients
  whose group is unknown were left out of the fairness term.
- Labels read from reports are wrong at times, and may be wrong more often in some groups."""
METRICS = (
    "auc",
    "worst_group_auc",
    "es_auc",
    "auc_gap",
    "equalized_odds_difference",
    "leakage_auc",
)


def escaped(value: object) -> str:
    """Text that neither Markdown nor HTML reads as a mark, on one line, whatever the data called it."""
    line = " ".join(str(value).split())
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", html.escape(line, quote=False))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _count(number: int) -> str:
    return f"{number:,}" if number >= FEW or number == 0 else f"fewer than {FEW}"


def model_card(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The card of a run, without an audit.

    Args:
        config: the content of ``config.yaml``. facts: the content of ``environment.json``; what it lacks (an older
            run) is left out.
    """
    head = yaml.safe_dump(HEAD, sort_keys=False)
    name = escaped(facts.get("cohort", {}).get("name", "unnamed"))
    parts = [
        f"---\n{head}---\n\n# AdFair-CLIP model trained on {name}",
        f"## Intended use\n\n{INTENDED}",
        f"## Data\n\n{_data(facts)}",
        f"## Training\n\n{_training(config, facts)}",
        f"## Audit\n\n{BEGIN}\n{NO_AUDIT}\n{END}",
        f"## Limits\n\n{LIMITS}",
        f"## How to load it\n\n{_loading(config)}",
    ]
    return "\n\n".join(parts) + "\n"


def _data(facts: Mapping[str, Any]) -> str:
    cohort, data = facts.get("cohort", {}), facts.get("data", {})
    lines = [
        f"Cohort {escaped(cohort.get('name', 'unnamed'))}, manifest SHA-256 `{cohort.get('manifest_sha256')}`."
    ]
    if data:
        lines += [
            f"Source: {escaped(data['source'] or 'not stated')}. Licence: {escaped(data['licence'] or 'not stated')}; "
            "check what it allows before you share weights trained on these data.",
            f"Training split: {data['images']:,} images of {data['patients']:,} patients.",
            f"Findings: {', '.join(map(escaped, data['findings']))}.",
        ]
        rows = [
            (escaped(attribute), escaped(group), _count(number))
            for attribute, groups in data["patients_by_group"].items()
            for group, number in groups.items()
        ]
        lines += (
            [_table(("attribute", "group", "patients"), rows)] if rows else ["No attributes of patients."]
        )
    if scrubbed := facts.get("scrub_demographics"):
        lines.append(f"Words for sex, race and age were taken out of the reports: `{json.dumps(scrubbed)}`.")
    return "\n\n".join(lines)


def _training(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    aim, train = config["objective"], config["train"]
    attributes = ", ".join(map(escaped, aim["attributes"])) if aim["fairness"] != "none" else "none"
    rows = [
        (
            "architecture",
            f"{escaped(Path(str(config['model']['config'])).name)}, {config['data']['image_size']} px",
        ),
        ("start", "random weights" if config["model"]["pretrained"] is None else "weights of another model"),
        ("contrastive term", escaped(aim["contrastive"])),
        ("fairness term", escaped(aim["fairness"])),
        ("attributes defended", attributes),
        ("steps", f"{train['steps']:,} of {config['data']['batch_size']} pairs, seed {config['seed']}"),
        ("checkpoint", escaped(train["select"])),
        *((escaped(k), escaped(v)) for k, v in sorted(facts.get("versions", {}).items())),
    ]
    return _table(("", ""), rows) + "\n\nEvery setting is in the run's `config.yaml`."


def _loading(config: Mapping[str, Any]) -> str:
    towers = escaped(Path(str(config["model"]["config"])).name)
    return (
        "```python\nimport open_clip\n\nmodel, preprocess = open_clip.create_model_from_pretrained("
        '"local-dir:PATH_OF_THIS_FOLDER")\n```\n\n'
        f"The towers are {towers}; `open_clip_config.json` has them in full."
    )


def run_card(run: Path) -> str:
    """The card of a run folder, from its ``config.yaml`` and ``environment.json``."""
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    return model_card(config, json.loads((run / "environment.json").read_text(encoding="utf-8")))


def audit_section(metrics: pd.DataFrame, *, test_set: str, cohort: str) -> str:
    """The figures of an audit that a reader asks for first, as Markdown.

    Args:
        metrics: the columns of ``metrics.csv``; means over findings are shown.
    """
    table = metrics[metrics["finding"].eq("mean") & metrics["metric"].isin(METRICS)]
    table = table[table["stratum"].fillna("").eq("") & table["group"].fillna("").eq("")]
    rows = [_audit_row(row) for name in METRICS for row in table[table["metric"] == name].to_dict("records")]
    intro = (
        f"Test set {escaped(test_set)} of cohort {escaped(cohort)}; means over findings, with intervals over "
        "patients. A gap is never exactly 0: beside it stands the gap that identical groups of these sizes would show."
    )
    return intro + "\n\n" + _table(("metric", "attribute", "value", "interval", "by chance", "note"), rows)


def _audit_row(row: Mapping[Any, Any]) -> tuple[str, ...]:
    low, high = _figure(row["ci_low"]), _figure(row["ci_high"])
    return (
        escaped(row["metric"]),
        escaped(row["attribute"] if isinstance(row["attribute"], str) else ""),
        _figure(row["value"]) or "undefined",
        f"{low} to {high}" if low and high else "",
        _figure(row["expected_by_chance"]),
        escaped(row["note"] if isinstance(row["note"], str) else ""),
    )


def _figure(value: object) -> str:
    number = float(value) if value != "" else float("nan")  # type: ignore[arg-type]
    return "" if number != number else f"{number:.3f}"


def add_audit(folder: Path, metrics: pd.DataFrame, *, test_set: str, cohort: str) -> Path:
    """Put an audit into the card of a model folder, in place of an earlier one; returns the card.

    Raises:
        ConfigError: no card there, or one whose place for the audit was taken out.
    """
    path = folder / CARD_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ConfigError(
            f"{path}: no model card with a place for an audit ('{BEGIN}' and '{END}' once each)"
        )
    before, rest = text.split(BEGIN)
    section = audit_section(metrics, test_set=test_set, cohort=cohort)
    path.write_text(f"{before}{BEGIN}\n{section}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return path


def note_correction(folder: Path, *, kind: str, attributes: Iterable[str]) -> None:
    """Say in a card of ours that embeddings are corrected afterwards, and take out the audit of the model before."""
    path = folder / CARD_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        return
    before, rest = text.split(BEGIN)
    said = (
        f"## Correction\n\nImage embeddings are corrected for {', '.join(map(escaped, attributes))} by "
        f"`{kind}` (`posthoc.safetensors`). `adfair evaluate` applies it; open_clip alone does not.\n\n"
    )
    rest = rest.split(END)[1].replace("## Limits\n", f"{said}## Limits\n", 1)
    path.write_text(f"{before}{BEGIN}\n{NO_AUDIT}\n{END}{rest}", encoding="utf-8")
