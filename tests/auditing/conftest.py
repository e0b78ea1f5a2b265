"""Small predictions tables for the audit's tests."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest


def make_table(
    images: int = 240, *, findings: int = 2, per_patient: int = 2, seed: int = 0, gap: float = 0.0
) -> pd.DataFrame:
    """A long table with race and sex by patient; ``gap`` shifts the positives of race B down."""
    rng = np.random.default_rng(seed)
    patient = np.arange(images) // per_patient
    race = rng.choice(["A", "B", "C"], patient.max() + 1)[patient]
    sex = rng.choice(["F", "M"], patient.max() + 1)[patient]
    parts = []
    for f in range(findings):
        y = rng.integers(0, 2, images)
        logit = 1.5 * y - 0.75 + rng.normal(size=images) - gap * y * (race == "B")
        columns = {"image_id": [f"i{k}" for k in range(images)], "patient_id": [f"p{k}" for k in patient]}
        columns |= {
            "finding": f"f{f}",
            "label": y,
            "score": 1 / (1 + np.exp(-logit)),
            "race": race,
            "sex": sex,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """The maker of small tables."""
    return make_table
