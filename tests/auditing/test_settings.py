"""Options of an audit: what follows from the defaults, and what is refused."""

import os
import re
from typing import Any

import pytest

from adfair.auditing.settings import Settings, default_threads
from adfair.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1000),
        ({"replicates": 200}, 200),
        ({"replicates": 0}, 0),
        ({"replicates": 0, "permutations": 50}, 50),
        ({"permutations": 0}, 0),
        ({"replicates": 100, "permutations": 5000}, 5000),
    ],
)
def test_permutations_follow_the_replicates_unless_given(options: dict[str, Any], expected: int) -> None:
    assert Settings(**options).null_replicates == expected


def test_threads_given_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert Settings().workers == 3
    assert Settings(threads=5).workers == 5


@pytest.mark.parametrize("text", ["", "0", "-2", "4,2", "many"])
def test_an_unusable_environment_counts_the_cores_but_at_most_eight(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    for cores, expected in ((3, 3), (64, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False)
        assert default_threads() == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "level 1.0: must be at least .5 and below 1, for example .95"),
        ({"level": 0.05}, "level 0.05: must be at least .5"),
        ({"level": float("nan")}, "level nan: must be at least .5"),
        ({"permutations": -1}, "permutations -1: must not be negative"),
        ({"min_group": -1}, "min_group -1: must not be negative"),
        ({"seed": -1}, "seed -1: must not be negative"),
        ({"seed": 2**63}, f"seed {2**63}: must be below 2**63"),
        ({"replicates": 3}, "replicates 3: at least 10, or 0 for no intervals"),
        ({"ece_bins": -3}, "ece_bins -3: must be at least 1"),
        ({"adjustment": "bonferroni"}, "adjustment 'bonferroni': must be one of holm, bh, none"),
        ({"ece_binning": "quantile"}, "ece_binning 'quantile': must be one of width, mass"),
        ({"interval": "BCa"}, "interval 'BCa': must be one of auto, percentile, bca, delong"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Settings(**options)


def test_the_edges_of_the_ranges_are_allowed() -> None:
    edge = Settings(level=0.5, replicates=0, permutations=0, min_group=0, seed=0, threads=1, ece_bins=1)
    assert (edge.level, edge.null_replicates, edge.workers) == (0.5, 0, 1)
