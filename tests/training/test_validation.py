from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adfair.data.manifest import group_codes, load_cohort
from adfair.data.sampling import finding_group_weights
from adfair.evaluation.quick_probe import quick_leakage
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import build_model
from adfair.training.validation import Validation, load_validation


@pytest.fixture(scope="module")
def measured(small_cohort: Path):
    model, cohort = build_model("tiny", seed=3, image_size=64), load_cohort(small_cohort)
    model.net.train()
    validation = load_validation(cohort, image_size=64, seed=0)
    return model, cohort, validation.measure(model)


def test_figures_are_those_of_an_evaluation_of_the_validation_split(measured) -> None:
    model, cohort, found = measured
    subject = Subject(model, cohort)
    truth, scores = subject.labels("val"), subject.scores("val")
    usable = [f for f in range(truth.shape[1]) if len(np.unique(truth[truth[:, f] >= 0, f])) == 2]
    rows = truth >= 0
    weights = load_validation(cohort, image_size=64, seed=0).weights
    expected = np.mean(
        [
            roc_auc_score(truth[rows[:, f], f], scores[rows[:, f], f], sample_weight=weights[rows[:, f]])
            for f in usable
        ]
    )
    assert found["auc"] == pytest.approx(expected, abs=1e-9)
    codes = {
        name: group_codes(cohort.split("val")[name], cohort.info.attributes[name]) for name in ("race", "sex")
    }

    def auc_of(members: np.ndarray) -> float:
        parts = [rows[:, f] & members for f in range(truth.shape[1])]
        return float(
            np.mean(
                [
                    roc_auc_score(truth[part, f], scores[part, f], sample_weight=weights[part])
                    for f, part in enumerate(parts)
                    if len(np.unique(truth[part, f])) == 2
                ]
            )
        )

    groups = [code == k for code in codes.values() for k in np.unique(code[code >= 0])]
    assert found["worst_group_auc"] == pytest.approx(min(map(auc_of, groups)), abs=1e-9)
    patterns = np.unique(truth == 1, axis=0, return_inverse=True)[1].ravel()
    patients = cohort.split("val")["patient_id"].to_numpy()
    for name, code in codes.items():
        expected = quick_leakage(subject.image_emb("val"), code, patients, strata=patterns, seed=0)
        assert found["leakage"][name] == pytest.approx(expected, abs=1e-9, nan_ok=True)
    errors = [((1 / g.sum() + 1 / (~g).sum()) / 12) ** 0.5 for g in groups]
    assert found["leakage_se"] == pytest.approx(np.mean(errors))


def test_training_goes_on_in_the_mode_it_was_in(measured) -> None:
    model, _, _ = measured
    model.net.train()
    model.net.visual.eval()
    before = {k: v.clone() for k, v in model.net.state_dict().items()}
    load_validation(measured[1], image_size=64, seed=0).measure(model)
    assert model.net.training
    assert not model.net.visual.training
    assert all((before[k] == v).all() for k, v in model.net.state_dict().items())


def test_the_standard_error_is_that_of_the_mean_over_patients() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (300, 1)).astype(float)
    scores = truth + 1.5 * rng.standard_normal((300, 1))
    each = Validation(np.empty(0), truth, {}, np.arange(300), np.ones(300), ["a"], 0)
    patients, ones = np.tile(np.arange(300), 2), np.ones(600)
    twice = Validation(np.empty(0), np.tile(truth, (2, 1)), {}, patients, ones, ["a"], 0)
    doubled = twice._standard_error(np.tile(scores, (2, 1)))
    assert doubled == pytest.approx(each._standard_error(scores), rel=1e-9), (
        "a patient's second image adds nothing"
    )
    # Hanley and McNeil 1982 for the size of it.
    a, n1 = roc_auc_score(truth[:, 0], scores[:, 0]), truth.sum()
    q1, q2, n0 = a / (2 - a), 2 * a * a / (1 + a), 300 - truth.sum()
    hanley = np.sqrt((a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n1 * n0))
    assert each._standard_error(scores) == pytest.approx(hanley, rel=0.3)


def test_the_weights_undo_the_bias_of_the_split() -> None:
    """A score that is the group alone, which predicts findings in a biased split, is worth nothing here."""
    rng = np.random.default_rng(1)
    group = rng.integers(0, 2, 4000)
    truth = (rng.random(4000) < np.where(group == 1, 0.6, 0.2)).astype(float)[:, None]
    codes, scores = {"race": group}, group[:, None].astype(float)
    plain = Validation(np.empty(0), truth, codes, np.arange(4000), np.ones(4000), ["a"], 0)
    fair = Validation(
        np.empty(0), truth, codes, np.arange(4000), finding_group_weights(codes, truth), ["a"], 0
    )
    everyone = np.ones(4000, bool)
    assert plain._auc(scores, everyone) > 0.65
    assert fair._auc(scores, everyone) == pytest.approx(0.5, abs=0.01)
