"""Training data in memory and the order in which batches are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainData:
    """One split, ready to be indexed.

    Attributes:
        images: uint8 [N, S, S]; stays uint8 until a batch is on the device.
        tokens: int64 [N, L].
        codes: per sensitive attribute int64 [N]; -1 is unknown.
        group_counts: per sensitive attribute, how many groups the cohort declares.
    """

    images: Tensor
    tokens: Tensor
    codes: Mapping[str, Tensor]
    group_counts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.images)


def batch_rows(n: int, batch_size: int, *, seed: int, step: int) -> Tensor:
    """Rows of the batch at ``step``: each epoch is one permutation of N rows, its remainder dropped.

    A function of its arguments alone, so a run resumes at any step and every model sees the same batches.
    """
    size = min(batch_size, n)
    epoch, position = divmod(step, n // size)
    order = np.random.default_rng([seed, epoch]).permutation(n)
    return torch.from_numpy(order[position * size : (position + 1) * size])
