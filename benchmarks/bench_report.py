"""How large is a page of many models, and how soon is it open?

    python benchmarks/bench_report.py [--models 20] [--findings 14] [--groups 18] [--out /tmp/big.html]

Invented figures of three attributes; needs playwright and Debian's Chromium for the times.
"""

import argparse
import os
import shutil
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.formats import load_predictions
from adfair.reporting import ReportData, write_report

WATCH = """new MutationObserver((_, watcher) => {
  if (!document.querySelector('.plot .main-svg')) return;
  window.firstFigure = performance.now();
  watcher.disconnect();
}).observe(document, { childList: true, subtree: true });"""
TRIES = 5
NUMBERS = ("ci_low", "ci_high", "expected_by_chance", "p_value", "p_adjusted", "n", "n_positive")


def invented(models: int, findings: int, groups: int, *, images: int = 400) -> ReportData:
    """Report data with every group's rates, every gap and every model's curves."""
    rng = np.random.default_rng(0)
    sets = {f"attribute {i}": [f"group {i}-{g}" for g in range(groups // 3)] for i in range(3)}
    names = [f"finding {f}" for f in range(findings)]
    rows: list[tuple[str, str, str, str, str]] = []
    for model in (f"model {m}" for m in range(models)):
        for finding in ("mean", *names):
            rows.append((model, "auc", finding, "", ""))
            for attribute, held in sets.items():
                rows += [(model, m, finding, attribute, g) for g in held for m in ("auc", "tpr", "fpr")]
                rows += [(model, m, finding, attribute, "") for m in ("equalized_odds_difference", "auc_gap")]
    table = pd.DataFrame(rows, columns=["model", "metric", "finding", "attribute", "group"])
    table = table.assign(test_set="test", stratum="", note="", value=rng.random(len(table)))
    table = table.assign(**dict.fromkeys(NUMBERS, np.nan)).assign(
        ci_low=table["value"] * 0.95, ci_high=table["value"] * 0.95 + 0.05, n=images
    )
    scores = {f"model {m}": _predictions(rng, names, sets, images) for m in range(models)}
    return ReportData("Many models", table, predictions={m: load_predictions(s) for m, s in scores.items()})


def _predictions(
    rng: np.random.Generator, names: list[str], sets: dict[str, list[str]], images: int
) -> pd.DataFrame:
    ids = np.arange(images)
    wide = {f"label_{n}": rng.integers(0, 2, images) for n in names}
    wide |= {f"score_{n}": rng.random(images) for n in names}
    return pd.DataFrame({"image_id": ids, **wide, **{a: rng.choice(g, images) for a, g in sets.items()}})


def opened(path: Path) -> tuple[float, float]:
    """Seconds until the page is loaded and until its first figure is drawn, in a browser that runs already."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(WATCH)
        page.goto(path.resolve().as_uri(), timeout=120_000)
        page.wait_for_selector(".plot .main-svg", state="attached", timeout=120_000)
        loaded, drawn = page.evaluate(
            "[performance.getEntriesByType('navigation')[0].loadEventEnd, firstFigure]"
        )
        browser.close()
    return loaded / 1000, drawn / 1000


def main() -> None:
    """Write the page, print its size and the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("models", 20), ("findings", 14), ("groups", 18)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--out", type=Path, default=Path("/tmp/big.html"))
    args = parser.parse_args()
    data = invented(args.models, args.findings, args.groups)
    began = time.perf_counter()
    write_report(data, args.out)
    print(f"written in {time.perf_counter() - began:.1f} s, {args.out.stat().st_size / 2**20:.2f} MiB")
    loaded, drawn = (
        statistics.median(times) for times in zip(*(opened(args.out) for _ in range(TRIES)), strict=True)
    )
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"loaded after {loaded:.1f} s, first figure drawn after {drawn:.1f} s; medians of {TRIES} tries")
    print(f"processes that wanted each core meanwhile: {load:.1f}")


if __name__ == "__main__":
    main()
