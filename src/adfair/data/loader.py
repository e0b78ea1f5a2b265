"""Training data in memory and the order in which batches are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainData:
    """One split, ready to be indexed.

    Attributes:
        images: uint8 [N, S, S]; stays uint8 until a batch is on the device.
        tokens: int64 [N, L].
        codes: per sensitive attribute int64 [N], -1 unknown; a continuous one float32 [N], NaN unknown.
        group_counts: per sensitive attribute, how many groups the cohort declares; 1 for a continuous one.
        findings: float32 [N, F], 1 where the report states a finding, else 0; F is 0 where nobody asked.
        prompt_tokens: per finding the tokens of its positive and of its negative statements.
        weights: float32 [N], mean 1: what each row weighs in the loss; ``None`` where all weigh the same.
        probabilities: float64 [N], sum 1: how often each row is drawn; ``None`` where once an epoch.
        patients: int64 [N], a number for each patient.
        index: what the rows are, in order: a hash of their ids.
        provenance: what was done to the cohort on the way here, for ``environment.json``; counts, no rows.
    """

    images: Tensor
    tokens: Tensor
    codes: Mapping[str, Tensor]
    group_counts: Mapping[str, int]
    findings: Tensor
    prompt_tokens: Sequence[tuple[Tensor, Tensor]] = ()
    weights: Tensor | None = None
    probabilities: np.ndarray | None = None
    patients: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    index: str = ""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)


def batch_rows(
    n: int, batch_size: int, *, seed: int, step: int, probabilities: np.ndarray | None = None
) -> Tensor:
    """Rows of the batch at ``step``: each epoch is one permutation of N rows, its remainder dropped.

    A function of its arguments alone, so a run resumes at any step and every model sees the same batches.

    Args:
        probabilities: [N]; an epoch is then N draws with replacement instead.
    """
    size = min(batch_size, n)
    epoch, position = divmod(step, n // size)
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(n) if probabilities is None else rng.choice(n, n, p=probabilities)
    return torch.from_numpy(order[position * size : (position + 1) * size])
