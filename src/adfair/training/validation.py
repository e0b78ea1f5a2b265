"""What the validation split says about the towers during training. The test sets are never looked at."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adfair.data.cache import Images, open_images
from adfair.data.manifest import Cohort, group_codes, labels
from adfair.data.report_findings import stated_findings
from adfair.data.sampling import finding_group_weights
from adfair.data.squares import Fit
from adfair.evaluation.embed import embed_images, embed_texts
from adfair.evaluation.quick_probe import quick_leakage
from adfair.evaluation.zero_shot import finding_directions, zero_shot_scores
from adfair.metrics.ranking import auc
from adfair.models.dual_encoder import DualEncoder

SPLIT, REPLICATES = "val", 100


@dataclass(frozen=True)
class Validation:
    """The validation split, decoded once.

    Attributes:
        images: uint8 [N, S, S]. truth: [N, F], 1 and 0 count; from labels, or where the cohort has none from the
            reports. codes: per attribute int [N], -1 unknown. patients: [N]. weights: [N], under which findings do not
        depend on groups: the split is as biased as training, and an unweighted AUC would reward the shortcut.
    """

    images: Images
    truth: np.ndarray
    codes: dict[str, np.ndarray]
    patients: np.ndarray
    weights: np.ndarray
    findings: list[str]
    seed: int

    def measure(self, model: DualEncoder) -> dict[str, Any]:
        """Zero-shot AUC (mean over findings) with its standard error, the worst group's, and leakage by attribute.

        AUCs are weighted by ``weights``. Leakage is read within patterns of findings, since findings and groups go
        together in a biased split. The towers are left in the mode they were in.
        """
        modes = {module: module.training for module in model.net.modules()}
        emb = embed_images(model, self.images)
        directions = finding_directions(lambda texts: embed_texts(model, texts), self.findings)
        for module, mode in modes.items():
            module.training = mode
        scores = zero_shot_scores(emb, directions, logit_scale=1.0)
        groups = [code == k for code in self.codes.values() for k in range(code.max() + 1)]
        return {
            "auc": self._auc(scores, np.ones(len(emb), bool)),
            "auc_se": self._standard_error(scores),
            "worst_group_auc": min(
                filter(math.isfinite, (self._auc(scores, rows) for rows in groups)), default=math.nan
            ),
            "leakage": {
                name: quick_leakage(emb, code, self.patients, strata=self._patterns(), seed=self.seed)
                for name, code in self.codes.items()
            },
            "leakage_se": self._leakage_error(),
        }

    def _auc(self, scores: np.ndarray, rows: np.ndarray, drawn: np.ndarray | float = 1.0) -> float:
        values, weights = [], self.weights * drawn
        for f in range(self.truth.shape[1]):
            known = rows & ((self.truth[:, f] == 0) | (self.truth[:, f] == 1))
            y = self.truth[known, f].astype(int)
            values.append(auc(y, scores[known, f], weights=weights[known]))
        defined = [value for value in values if not math.isnan(value)]
        return float(np.mean(defined)) if defined else math.nan

    def _standard_error(self, scores: np.ndarray) -> float:
        """Of the mean AUC, by resampling patients."""
        _, unit = np.unique(self.patients, return_inverse=True)
        n, rng, everyone = unit.max() + 1, np.random.default_rng(self.seed), np.ones(len(unit), bool)
        drawn = [np.bincount(rng.integers(n, size=n), minlength=n)[unit] for _ in range(REPLICATES)]
        return float(np.std([self._auc(scores, everyone, counts) for counts in drawn], ddof=1))

    def _leakage_error(self) -> float:
        """Standard error of a one-vs-rest AUC where there is nothing to read, mean over groups and attributes.

        sqrt((1 / n + 1 / rest) / 12) for a group of n, the variance of Mann and Whitney's statistic.
        """
        counts = [np.bincount(code[code >= 0]) for code in self.codes.values() if (code >= 0).any()]
        errors = [
            math.sqrt((1 / n + 1 / (count.sum() - n)) / 12)
            for count in counts
            for n in count
            if 0 < n < count.sum()
        ]
        return float(np.mean(errors)) if errors else math.nan

    def _patterns(self) -> np.ndarray:
        return np.unique(self.truth == 1, axis=0, return_inverse=True)[1].ravel()


def load_validation(cohort: Cohort, *, image_size: int, seed: int, fit: Fit = "crop") -> Validation:
    """Decode the ``val`` split. Raises DataError where the cohort has none."""
    table, findings = cohort.split(SPLIT), cohort.info.findings
    truth = labels(table, findings)
    if np.isnan(truth).all() and cohort.has_reports:
        truth = stated_findings(table["report"].tolist(), findings).astype(float)
    codes = {name: group_codes(table[name], groups) for name, groups in cohort.info.attributes.items()}
    weights = finding_group_weights(codes, truth) if codes else np.ones(len(table))
    return Validation(
        images=open_images(cohort, table, size=image_size, fit=fit),
        truth=truth,
        codes=codes,
        patients=table["patient_id"].to_numpy(),
        weights=weights,
        findings=findings,
        seed=seed,
    )
