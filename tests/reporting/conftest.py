"""A small demo folder filled with invented numbers, which are no result of anything, and a browser to read pages with."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FINDINGS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
GROUPS = {"race": ("Asian", "Black", "White"), "sex": ("F", "M")}
COLUMNS = [
    "model", "test_set", "metric", "finding", "attribute", "group", "stratum", "value", "ci_low", "ci_high",
    "expected_by_chance", "p_value", "p_adjusted", "n", "n_positive", "note",
]  # fmt: skip
LEVELS = {
    "clip": {"auc": 0.876, "reversed": 0.789, "gap": 0.224, "few": 0.838, "leak": (0.996, 0.994)},
    "adfair": {"auc": 0.889, "reversed": 0.861, "gap": 0.061, "few": 0.868, "leak": (0.651, 0.607)},
}


def row(model: str, metric: str, value: float, **more: object) -> dict[str, object]:
    """One line of the table; an interval of half-width ``half`` unless the value is undefined."""
    half = float(more.pop("half", 0.012))  # type: ignore[arg-type]
    known = np.isfinite(value)
    line = {"model": model, "test_set": "test", "finding": "mean", "metric": metric, "value": value}
    line |= {"ci_low": value - half if known else None, "ci_high": min(value + half, 1.0) if known else None}
    return line | more


def model_rows(
    model: str, place: str, rng: np.random.Generator, findings: tuple[str, ...]
) -> list[dict[str, object]]:
    """All metrics of one model on one test set, scattered around ``LEVELS``."""
    level = LEVELS.get(model, LEVELS["clip"])
    base = level["reversed"] if place == "test_reversed" else level["auc"]
    rows = []
    for finding in ("mean", *findings):
        jitter = 0.0 if finding == "mean" else rng.normal(0, 0.02)
        rows.append(row(model, "auc", base + jitter, finding=finding, n=3600, n_positive=900))
        for attribute, groups in GROUPS.items():
            scale = 1.0 if attribute == "race" else 0.4
            gap = level["gap"] * scale + abs(jitter)
            for metric, factor in (("equalized_odds_difference", 1.0), ("auc_gap", 0.3)):
                extra = {"expected_by_chance": 0.04 * factor, "p_value": 0.001, "half": 0.022 * factor}
                rows.append(row(model, metric, gap * factor, finding=finding, attribute=attribute, **extra))
            rows += _group_rows(model, finding, attribute, groups, base + jitter, rng)
            rows.append(
                row(model, "worst_group_auc", base + jitter - gap / 8, finding=finding, attribute=attribute)
            )
            rows.append(row(model, "es_auc", base + jitter - gap / 7, finding=finding, attribute=attribute))
    rows += [row(model, "threshold", 0.5, finding=f) for f in findings]
    rows.append(row(model, "few_shot_auc@16", level["few"]))
    for probe, value in zip(("lr", "mlp"), level["leak"], strict=True):
        rows += [
            row(model, f"leakage_auc_{probe}", value, finding="", attribute=a, half=0.01) for a in GROUPS
        ]
    rows += [
        row(model, "leakage_auc", max(level["leak"]), finding="", attribute=a, half=0.01) for a in GROUPS
    ]
    return [{**r, "test_set": place} for r in rows]


def _group_rows(
    model: str, finding: str, attribute: str, groups: tuple[str, ...], base: float, rng: np.random.Generator
) -> list[dict[str, object]]:
    rows = []
    for group in groups:
        here = {"finding": finding, "attribute": attribute, "group": group, "n": 1200, "n_positive": 300}
        rows.append(row(model, "auc", base + rng.normal(0, 0.01), **here))
        rows.append(row(model, "tpr", 0.8 + rng.normal(0, 0.03), **here))
        rows.append(row(model, "fpr", 0.2 + rng.normal(0, 0.03), **here))
    unknown = {"finding": finding, "attribute": attribute, "group": "Unknown", "n": 7, "n_positive": 0}
    for metric in ("auc", "tpr", "fpr"):
        rows.append(row(model, metric, float("nan"), **unknown, note="no positive image among 7"))
    return rows


def comparison(
    models: tuple[str, ...] = ("clip", "adfair"), findings: tuple[str, ...] = FINDINGS, seed: int = 0
) -> pd.DataFrame:
    """An invented ``comparison.csv``."""
    rng = np.random.default_rng(seed)
    places = ("test", "test_reversed", "test_5x90")
    rows = [r for m in models for place in places for r in model_rows(m, place, rng, findings)]
    return pd.DataFrame(rows, columns=COLUMNS)


def log_lines(model: str, rng: np.random.Generator, steps: int = 1000) -> list[dict[str, object]]:
    """An invented ``log.jsonl``."""
    lines: list[dict[str, object]] = []
    for step in range(10, steps + 1, 10):
        share = step / steps
        line: dict[str, object] = {
            "step": step,
            "contrastive": 4.56 - 2.1 * (1 - np.exp(-4 * share)) + rng.normal(0, 0.05),
            "contrastive_chance": float(np.log(96)),
            "lr": 0.002,
        }
        if model == "adfair":
            line["adversary_loss"] = {
                a: 1 - 0.7 * np.exp(-((share - 0.15) ** 2) / 0.02) + rng.normal(0, 0.02) for a in GROUPS
            }
            line["adversary_accuracy"] = {
                a: 1 / len(g) + 0.5 * np.exp(-4 * share) + rng.normal(0, 0.01) for a, g in GROUPS.items()
            }
            line["adversary_weight"] = float(np.clip((share - 0.15) / 0.3, 0, 1) * 2)
        lines.append(line)
    return lines


def predictions(
    rng: np.random.Generator, images: int = 240, findings: tuple[str, ...] = FINDINGS
) -> pd.DataFrame:
    """An invented ``predictions.csv``."""
    groups = {a: rng.choice(list(g), images) for a, g in GROUPS.items()}
    parts = []
    for finding in findings:
        label = rng.integers(0, 2, images)
        score = np.clip(0.25 * label + rng.uniform(0, 0.75, images), 0, 1)
        ids = [f"i{k}" for k in range(images)]
        parts.append(
            pd.DataFrame(
                {"image_id": ids, "patient_id": ids, "finding": finding, "label": label, "score": score}
                | groups
            )
        )
    return pd.concat(parts, ignore_index=True)


def write_scores(folder: Path, rng: np.random.Generator, images: int = 240) -> None:
    """Predictions and embeddings of a model."""
    predictions(rng, images).to_csv(folder / "predictions.csv", index=False)
    ids = np.array([f"i{k}" for k in range(images)])
    np.savez(folder / "embeddings.npz", image_id=ids, image_emb=rng.normal(size=(images, 6)))


def write_cohort(folder: Path, rng: np.random.Generator, findings: tuple[str, ...] = FINDINGS) -> None:
    """A manifest with tiny images of noise: one test image a race group and finding, and one without."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for i, (race, positive) in enumerate((r, p) for r in GROUPS["race"] for p in ("", *findings)):
        pixels = rng.integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{i}.png")
        labels = {f: int(f == positive) for f in findings}
        place = {"image_id": i, "patient_id": i, "image_path": f"images/{i}.png", "split": "test"}
        rows.append({**place, "race": race, "sex": "FM"[i % 2], **labels})
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)
    info = {"name": "fake", "findings": list(findings), "attributes": {k: list(v) for k, v in GROUPS.items()}}
    info["manifest_sha256"] = "0" * 64
    (folder / "cohort.yaml").write_text(yaml.safe_dump(info), encoding="utf-8")


def write_demo(folder: Path, *, synthetic: bool = True, seed: int = 0) -> Path:
    """A whole demo folder."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    comparison(seed=seed).to_csv(folder / "comparison.csv", index=False)
    for model, weight in (("clip", 0.0), ("adfair", 2.0)):
        run = folder / model
        run.mkdir()
        lines = [json.dumps(line) for line in log_lines(model, rng)]
        (run / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        config = {
            "seed": seed,
            "data": {"batch_size": 96, "image_size": 64},
            "objective": {"fairness": "adversarial" if weight else "none", "adversary_weight": weight},
            "train": {"steps": 1000, "lr": 0.002},
        }
        (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        environment = {"python": "3.12", "policy": {"negatives": "same_cell", "reasons": ["Because."]}}
        (run / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
        write_scores(run, rng)
    write_cohort(folder / "cohort", rng)
    facts = {
        "synthetic": synthetic,
        "command": "adfair demo --out runs/demo --seed 0",
        "seed": seed,
        "seconds": 151.2,
        "threshold_rule": "youden on val",
        "versions": {"adfair": "0.1.0", "numpy": "2.4.1"},
    }
    (folder / "demo.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def fake() -> SimpleNamespace:
    """The makers of invented data."""
    return SimpleNamespace(
        comparison=comparison,
        row=row,
        predictions=predictions,
        demo=write_demo,
        cohort=write_cohort,
        COLUMNS=COLUMNS,
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One invented demo folder, shared by tests that only read it."""
    return write_demo(tmp_path_factory.mktemp("reporting") / "demo")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def opened(browser: Any) -> Iterator[Any]:
    """A function that opens a page and records what it complains of and asks for."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    # Generous, since a busy machine takes many seconds to read the page's library for the first time.
    context.set_default_timeout(120_000)

    def open_page(path: Path) -> SimpleNamespace:
        page = context.new_page()
        seen = SimpleNamespace(page=page, messages=[], requests=[], dialogs=[])
        seen.outside = lambda: [u for u in seen.requests if not u.startswith(("file:", "data:", "blob:"))]
        seen.saved = lambda selector: _saved(page, selector)
        page.on("console", lambda message: seen.messages.append(message.text))
        page.on("pageerror", lambda error: seen.messages.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        # Waiting for a function would evaluate text in the page, which its policy forbids.
        page.wait_for_selector(".plot .main-svg", state="attached")
        return seen

    yield open_page
    context.close()


def _saved(page: Any, selector: str) -> tuple[str, str]:
    """Name and text of the file that a click saves."""
    with page.expect_download() as download:
        page.click(selector)
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")
