"""Training data and the order in which batches are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adfair.data.cache import CachedImages, Images
from adfair.data.sentences import drawn_sentences
from adfair.data.shards import SHARD, ShardStack


@dataclass(frozen=True)
class Gathered:
    """Cached images as the training step asks for them: by a tensor of rows, read when asked."""

    source: CachedImages

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[N, S, S]."""
        return self.source.shape

    def __getitem__(self, rows: Tensor) -> Tensor:
        """uint8 [B, S, S] of int64 rows [B]."""
        return torch.from_numpy(self.source[rows.numpy()])


def as_images(images: Images) -> "Tensor | Gathered":
    """Images of ``adfair.data.cache`` for a training step; nothing is copied."""
    return torch.from_numpy(images) if isinstance(images, np.ndarray) else Gathered(images)


@dataclass(frozen=True)
class Sentences:
    """Sentences of all reports: tokens int64 [M, L]; members and starts as ``adfair.data.sentences`` has them."""

    tokens: Tensor
    members: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True)
class TrainData:
    """One split, ready to be indexed.

    Attributes:
        images: uint8 [N, S, S], in memory or in the cache; stays uint8 until a batch is on the device.
        tokens: int64 [N, L].
        codes: per sensitive attribute int64 [N], -1 unknown; a continuous one float32 [N], NaN unknown.
        group_counts: per sensitive attribute, how many groups the cohort declares; 1 for a continuous one.
        findings: float32 [N, F], 1 where the report states a finding, else 0; F is 0 where nobody asked.
        prompt_tokens: per finding the tokens of its positive and of its negative statements.
        weights: float32 [N], mean 1: what each row weighs in the loss; ``None`` where all weigh the same.
        probabilities: float64 [N], sum 1: how often each row is drawn; ``None`` where once an epoch.
        cells: int64 [N], the intersection of groups of each row, -1 unknown, and
        log_ratios: float32 [N, K], what the findings of its report say about every intersection
            (``metrics.dependence.group_log_ratios``); both empty where nobody asked.
        patients: int64 [N], a number for each patient.
        index: what the rows are, in order: a hash of their ids.
        sentences: the reports' sentences, where a step sees one of each; ``None`` where it sees whole reports.
        provenance: what was done to the cohort on the way here, for ``environment.json``; counts, no rows.
    """

    images: Tensor | Gathered
    tokens: Tensor
    codes: Mapping[str, Tensor]
    group_counts: Mapping[str, int]
    findings: Tensor
    prompt_tokens: Sequence[tuple[Tensor, Tensor]] = ()
    weights: Tensor | None = None
    probabilities: np.ndarray | None = None
    cells: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    log_ratios: Tensor = field(default_factory=lambda: torch.empty(0, 0))
    patients: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    index: str = ""
    sentences: Sentences | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def texts(self, rows: Tensor, *, seed: int, step: int) -> Tensor:
        """Tokens [B, L] of a whole batch's rows: the reports, or a sentence of each by ``sentences``."""
        if self.sentences is None:
            return self.tokens[rows]
        drawn = drawn_sentences(rows.numpy(), self.sentences.starts, seed=seed, step=step)
        return self.sentences.tokens[torch.from_numpy(self.sentences.members[drawn])]

    @property
    def shards(self) -> np.ndarray | None:
        """[N], the shard that each image lies in, for ``batch_rows``; ``None`` where they lie in one file or in memory."""
        source = self.images.source if isinstance(self.images, Gathered) else None
        return source.rows // SHARD if source is not None and isinstance(source.pixels, ShardStack) else None


def batch_rows(
    n: int,
    batch_size: int,
    *,
    seed: int,
    step: int,
    probabilities: np.ndarray | None = None,
    shards: np.ndarray | None = None,
) -> Tensor:
    """Rows of the batch at ``step``: each epoch is one permutation of N rows, its remainder dropped.

    A function of its arguments alone, so a run resumes at any step and every model sees the same batches.

    Args:
        probabilities: [N]; an epoch is then N draws with replacement instead.
        shards: [N], the shard of each row; the batch is then resampled from a few shards (see ``shard_rows``).
    """
    if shards is not None and probabilities is None:
        return shard_rows(shards, batch_size, seed=seed, step=step)
    size = min(batch_size, n)
    epoch, position = divmod(step, n // size)
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(n) if probabilities is None else rng.choice(n, n, p=probabilities)
    return torch.from_numpy(order[position * size : (position + 1) * size])


def shard_rows(shards: np.ndarray, batch_size: int, *, seed: int, step: int, together: int = 4) -> Tensor:
    """Rows of the batch at ``step`` from ``together`` shards that are drawn anew, so that each is read in one go.

    Shards are drawn with replacement by their number of rows, and each draw gives an equal share of the batch, of rows
    drawn without replacement. So every row is as likely as any other, save in shards that hold fewer rows than such a
    share, from which the batch is then filled up. There is no epoch (as WebDataset's resampled shards). A function of its
    arguments alone.

    Args:
        shards: int [N], the shard of each row.
    """
    rng = np.random.default_rng([seed, step])
    drawn = rng.choice(shards, min(together, len(shards)))
    shares = np.bincount(np.arange(batch_size) % len(drawn), minlength=len(drawn))
    chosen, rest = [], []
    for shard in np.unique(drawn):
        rows, share = rng.permutation(np.flatnonzero(shards == shard)), shares[drawn == shard].sum()
        chosen.append(rows[:share])
        rest.append(rows[share:])
    missing = batch_size - sum(map(len, chosen))
    filled = rng.permutation(np.concatenate(rest))[:missing]
    return torch.from_numpy(rng.permutation(np.concatenate([*chosen, filled])))
