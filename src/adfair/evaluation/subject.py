"""A model looking at a cohort: every split is embedded once, whatever is then asked of it."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from adfair import __version__
from adfair.data.cache import Images, leave_out_refused, open_images
from adfair.data.images import load_images
from adfair.data.manifest import Cohort, labels
from adfair.errors import ConfigError
from adfair.evaluation.calibration import Method, calibrate
from adfair.evaluation.embed import embed_images, embed_texts, score_classes
from adfair.evaluation.embedding_cache import EmbeddingCache, images_fingerprint
from adfair.evaluation.precision import Precision, choose_dtype
from adfair.evaluation.protocols import PROMPTS
from adfair.evaluation.protocols.protocol import ZeroShot, plain, score
from adfair.evaluation.zero_shot import finding_directions
from adfair.models.encoder import Encoder
from adfair.models.layers import Layer


@dataclass
class Subject:
    """A model under test and the cohort it is tested on.

    Args:
        model: towers, weights loaded.
        cohort: validated cohort whose images are seen at the model's size; without those that ``adfair prepare``
            left out at that size.
        precision: of the image tower's weights.
        cache: where embeddings are kept between evaluations; none by default.
    """

    model: Encoder
    cohort: Cohort
    precision: Precision = "fp32"
    cache: EmbeddingCache | None = None
    _embedded: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    _texts: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict)
    _scored: dict[tuple[str, str], ZeroShot] = field(default_factory=dict)
    _predicted: dict[tuple[str, ...], pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model.square is None:
            self.cohort = leave_out_refused(self.cohort, size=self.model.image_size, fit=self.model.fit)

    @property
    def findings(self) -> list[str]:
        """Findings of the cohort, the order of every score's columns."""
        return self.cohort.info.findings

    def image_emb(self, split: str, *, layer: Layer = "embedding") -> np.ndarray:
        """Unit-norm embeddings [N, D] of a split, in manifest order; or what the tower holds before its projection."""
        if (split, layer) not in self._embedded:
            known = self.model.lookup(self.cohort.split(split)["image_id"].tolist())
            if known is not None and layer != "embedding":
                raise ConfigError(f"the model '{self.model.name}' holds embeddings only: leave --layer out")
            self._embedded[split, layer] = self._kept(split, layer) if known is None else known
        return self._embedded[split, layer]

    def _kept(self, split: str, layer: Layer) -> np.ndarray:
        """From the cache, or computed and kept there."""
        if self.cache is None or not self.model.fingerprint:
            return self._embed(split, layer)
        facts: dict[str, object] = {
            "version": __version__,
            "model": self.model.fingerprint,
            "name": self.model.name,
            "size": self.model.image_size,
            "images": images_fingerprint(self.cohort, split),
            "layer": layer,
            "numbers": choose_dtype(self.precision, self.model.net),
        }
        found = self.cache.get(facts, rows=len(self.cohort.split(split)))
        if found is None:
            found = self._embed(split, layer)
            self.cache.put(facts, found)
        return found

    def _embed(self, split: str, layer: Layer) -> np.ndarray:
        found = embed_images(self.model, self._images(split), layer=layer, precision=self.precision)
        bad = ~np.isfinite(found).all(axis=1)
        if bad.any():
            first = int(self.cohort.split(split).index[int(bad.argmax())]) + 1
            raise ConfigError(
                f"the model '{self.model.name}' gives no finite embedding of {bad.sum()} images of '{split}' (first: "
                f"row {first} of the manifest). Its preprocessing (a spread of 0?) or its weights are not usable"
            )
        return found

    def _images(self, split: str) -> Images:
        table, model = self.cohort.split(split), self.model
        if model.square is None:
            return open_images(self.cohort, table, size=model.image_size, fit=model.fit)
        return load_images(self.cohort, table, size=model.image_size, square=model.square)

    def text_emb(self, texts: list[str]) -> np.ndarray:
        """Unit-norm embeddings [n, D] of texts; a list that was asked for before is not embedded again."""
        key = tuple(texts)
        if key not in self._texts:
            self._texts[key] = self._kept_texts(texts)
        return self._texts[key]

    def _kept_texts(self, texts: list[str]) -> np.ndarray:
        if self.cache is None or not self.model.fingerprint:
            return embed_texts(self.model, texts)
        digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
        facts: dict[str, object] = {
            "version": __version__,
            "model": self.model.fingerprint,
            "name": self.model.name,
            "texts": digest,
        }
        found = self.cache.get(facts, rows=len(texts))
        if found is None:
            found = embed_texts(self.model, texts)
            self.cache.put(facts, found)
        return found

    @cached_property
    def directions(self) -> np.ndarray:
        """Text directions of the findings by our own prompts, [F, 2, D]."""
        return finding_directions(self.text_emb, self.findings)

    def zero_shot(self, split: str, *, prompts: str = "ours") -> ZeroShot:
        """Scores of a split by a protocol of ``evaluation.protocols``; a classifier's own scores whatever its name."""
        if (split, prompts) not in self._scored:
            self._scored[split, prompts] = self._score(split, prompts)
        return self._scored[split, prompts]

    def _score(self, split: str, prompts: str) -> ZeroShot:
        if self.model.classes:
            scores = self._class_scores(split)
            return ZeroShot(scores, scores)
        emb, scale = self.image_emb(split), self.model.logit_scale
        return score(PROMPTS[prompts], emb, self.findings, self.text_emb, logit_scale=scale)

    def _class_scores(self, split: str) -> np.ndarray:
        names = [plain(name) for name in self.model.classes]
        absent = [name for name in self.findings if plain(name) not in names]
        if absent:
            raise ConfigError(
                f"the classifier scores no '{absent[0]}'; it scores {', '.join(self.model.classes)}. "
                "Take a cohort with these findings, or probe its embeddings (--protocol linear_probe)"
            )
        scores = score_classes(self.model, self._images(split)).astype(np.float64)
        return scores[:, [names.index(plain(name)) for name in self.findings]]

    def scores(self, split: str, *, prompts: str = "ours") -> np.ndarray:
        """Zero-shot scores [N, F] of a split."""
        return self.zero_shot(split, prompts=prompts).multi_label

    def labels(self, split: str) -> np.ndarray:
        """Labels [N, F]: 1, 0, -1, NaN."""
        return labels(self.cohort.split(split), self.findings)

    def predictions(
        self, split: str, *, prompts: str = "ours", method: Method = "none", validation: str | None = None
    ) -> pd.DataFrame:
        """One row per image and finding, with the patient and every attribute: ``predictions.csv``.

        Made once a split, since the validation split is asked for with every test set; do not change it.

        Args:
            method: scores become probabilities by curves fitted on the split ``validation``.
        """
        key = (split, prompts, method, validation or "")
        if key not in self._predicted:
            scores = self.scores(split, prompts=prompts)
            if method != "none":
                scores = self._calibrated(scores, prompts, method, validation)
            self._predicted[key] = self.table(split, scores)
        return self._predicted[key]

    def _calibrated(
        self, scores: np.ndarray, prompts: str, method: Method, validation: str | None
    ) -> np.ndarray:
        if validation is None:
            raise ConfigError("calibration needs a validation split: name one with --validation")
        return calibrate(
            scores,
            validation_scores=self.scores(validation, prompts=prompts),
            validation_labels=self.labels(validation),
            findings=self.findings,
            method=method,
        )

    def table(self, split: str, scores: np.ndarray) -> pd.DataFrame:
        """Scores [N, F] of a split as rows of ``predictions.csv``."""
        table, truth = self.cohort.split(split), self.labels(split)
        shared = ["image_id", "patient_id", *self.cohort.info.attributes]
        parts = [
            table[shared].assign(finding=finding, label=truth[:, f], score=scores[:, f])
            for f, finding in enumerate(self.findings)
        ]
        columns = ["image_id", "patient_id", "finding", "label", "score", *self.cohort.info.attributes]
        return pd.concat(parts, ignore_index=True)[columns]
