"""A model looking at a cohort: every split is embedded once, whatever is then asked of it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from adfair.data.cache import leave_out_refused, open_images
from adfair.data.manifest import Cohort, labels
from adfair.evaluation.embed import embed_images, embed_texts
from adfair.evaluation.zero_shot import finding_directions, zero_shot_scores
from adfair.models.dual_encoder import DualEncoder
from adfair.models.layers import Layer


@dataclass
class Subject:
    """A model under test and the cohort it is tested on.

    Args:
        model: towers, weights loaded.
        cohort: validated cohort whose images are seen at the model's size; without those that ``adfair prepare``
            left out at that size.
    """

    model: DualEncoder
    cohort: Cohort
    _embedded: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    _predicted: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cohort = leave_out_refused(self.cohort, size=self.model.image_size, fit=self.model.fit)

    @property
    def findings(self) -> list[str]:
        """Findings of the cohort, the order of every score's columns."""
        return self.cohort.info.findings

    def image_emb(self, split: str, *, layer: Layer = "embedding") -> np.ndarray:
        """Unit-norm embeddings [N, D] of a split, in manifest order; or what the tower holds before its projection."""
        if (split, layer) not in self._embedded:
            images = open_images(
                self.cohort, self.cohort.split(split), size=self.model.image_size, fit=self.model.fit
            )
            self._embedded[split, layer] = embed_images(self.model, images, layer=layer)
        return self._embedded[split, layer]

    @cached_property
    def directions(self) -> np.ndarray:
        """Text directions of the findings, [F, 2, D]."""
        return finding_directions(lambda texts: embed_texts(self.model, texts), self.findings)

    def scores(self, split: str) -> np.ndarray:
        """Zero-shot scores [N, F] of a split."""
        scale = self.model.net.logit_scale.exp().item()  # type: ignore[operator]
        return zero_shot_scores(self.image_emb(split), self.directions, logit_scale=scale)

    def labels(self, split: str) -> np.ndarray:
        """Labels [N, F]: 1, 0, -1, NaN."""
        return labels(self.cohort.split(split), self.findings)

    def predictions(self, split: str) -> pd.DataFrame:
        """One row per image and finding, with the patient and every attribute: ``predictions.csv``.

        Made once a split, since the validation split is asked for with every test set; do not change it.
        """
        if split not in self._predicted:
            self._predicted[split] = self._predict(split)
        return self._predicted[split]

    def _predict(self, split: str) -> pd.DataFrame:
        table, truth, scores = self.cohort.split(split), self.labels(split), self.scores(split)
        shared = ["image_id", "patient_id", *self.cohort.info.attributes]
        parts = [
            table[shared].assign(finding=finding, label=truth[:, f], score=scores[:, f])
            for f, finding in enumerate(self.findings)
        ]
        columns = ["image_id", "patient_id", "finding", "label", "score", *self.cohort.info.attributes]
        return pd.concat(parts, ignore_index=True)[columns]
