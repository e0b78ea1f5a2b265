"""The page of trade-offs: closed to the network, names as text, the right arms marked."""

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.repeats import Figure, Repeats, summarise
from adfair.reporting.frontier import frontier_page

AUC, GAP = Figure("test", "auc"), Figure("test", "equalized_odds_difference", "race")
ARMS = {"clip": (0.88, 0.22), "adfair": (0.90, 0.08), "leace": (0.87, 0.06), "beaten": (0.86, 0.23)}
PAYLOADS = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>", '"><svg onload=alert(3)>']


def page(
    arms: dict[str, tuple[float, float]], *, cohorts: tuple[str, ...] = ("default",), seeds: int = 3
) -> str:
    lines = [
        {"cohort": cohort, "arm": arm, "seed": str(seed), **vars(figure), "finding": "mean", "group": ""}
        | {
            "stratum": "",
            "value": "" if np.isnan(value) else str(value + 0.001 * seed),
            "note": "undefined: why",
        }
        for cohort in cohorts
        for arm, values in arms.items()
        for seed in range(seeds)
        for figure, value in zip((AUC, GAP), values, strict=True)
    ]
    repeats = Repeats(pd.DataFrame(lines), cohorts, list(arms), list(range(seeds)), {})
    table = summarise(repeats, figures=[AUC, GAP], baseline=next(iter(arms)))
    return frontier_page(table, accuracy=AUC, costs=[GAP])


def drawn(text: str, variant: int = 0) -> dict[str, dict]:
    found = re.search(r'<script type="application/json" id="frontier-0-data">(.*?)</script>', text, re.S)
    assert found
    traces = json.loads(found[1])["variants"][variant]["traces"]
    return {trace["name"]: trace for trace in traces}


def test_the_best_trade_offs_are_marked_in_order() -> None:
    traces = drawn(page(ARMS))
    assert traces["best trade-offs"]["text"] == ["leace", "adfair"]
    assert traces["best trade-offs"]["x"] == pytest.approx([0.061, 0.081])
    assert traces["best trade-offs"]["y"] == pytest.approx([0.871, 0.901])
    assert traces["baseline"]["text"] == ["clip (baseline)"]
    assert traces["other arms"]["text"] == ["beaten"]
    assert traces["other arms"]["error_y"]["array"] == pytest.approx([0.001])


def test_one_seed_has_points_without_bars_and_an_undefined_arm_only_its_reason() -> None:
    text = page(ARMS | {"broken": (float("nan"), 0.1)}, seeds=1)
    traces = drawn(text)
    assert traces["best trade-offs"]["error_x"]["array"] == [0, 0]
    assert "broken" not in [name for trace in traces.values() for name in trace["text"]]
    assert ">why<" in text


def test_cohorts_are_switched_by_one_control() -> None:
    text = page(ARMS, cohorts=("default", "wide"))
    assert 'data-switch="frontier"' in text
    assert drawn(text, 1)["best trade-offs"]["text"] == ["leace", "adfair"]
    assert "data-switch=" not in page(ARMS).split("<script>")[0]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_stay_text(payload: str) -> None:
    text = page({payload: (0.8, 0.2), "b": (0.9, 0.1)}, cohorts=(payload, "other"))
    assert payload not in text
    assert drawn(text)["other arms"]["text"] == []
    assert drawn(text)["baseline"]["text"] == [f"{payload} (baseline)"]


def test_the_page_asks_nothing_of_the_network() -> None:
    text = page(ARMS)
    assert "default-src 'none'" in unescape(text)
    outside = text.replace(max(re.findall(r"<script>(.*?)</script>", text, re.S), key=len), "")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", outside)
