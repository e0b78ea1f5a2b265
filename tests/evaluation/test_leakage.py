"""Leakage against codes planted in embeddings, closed forms and scikit-learn."""

from dataclasses import replace
from math import erf

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from adfair.errors import DataError
from adfair.evaluation.leakage import FOLDS, LeakageResult, leakage
from adfair.evaluation.patient_bootstrap import bootstrap_auc, mean_interval
from adfair.evaluation.probes import fit_scaling, log_odds, macro_auc, patient_folds

N, D = 3600, 64


def background(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian noise [2 n, D] whose first columns a test may shift, and a random rotation to apply after."""
    rotation, _ = np.linalg.qr(rng.standard_normal((D, D)))
    return rng.standard_normal((2 * n, D)), rotation


def unit(z: np.ndarray) -> np.ndarray:
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


def linear_code(seed: int, *, distance: float, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z, rotation = background(rng, n)
    codes = rng.integers(0, 2, 2 * n)
    z[:, 0] += distance * codes
    return unit(z @ rotation), codes


def xor_code(seed: int, *, narrow: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Group = XOR of two hidden bits on two directions, which hold little of the variance when ``narrow``."""
    rng = np.random.default_rng(seed)
    z, rotation = background(rng, N)
    bits = rng.integers(0, 2, (2 * N, 2))
    z[:, :2] += 2.0 * (2 * bits - 1)
    z *= 1.0 / np.arange(D, 0, -1) if narrow else 1.0
    return unit(z @ rotation), bits[:, 0] ^ bits[:, 1]


def radius_code(seed: int, *, ratio: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Group = how far out a 16-dimensional part lies; every direction has mean zero in both."""
    rng = np.random.default_rng(seed)
    z, rotation = background(rng, N)
    codes = rng.integers(0, 2, 2 * N)
    z[:, :16] *= np.where(codes, ratio, 1.0)[:, None]
    return unit(z @ rotation), codes


def probe(emb: np.ndarray, codes: np.ndarray, *, seed: int = 0, **changes: object) -> LeakageResult:
    """Leakage with the first half as probe set, the second as test set, one image a patient."""
    half = len(emb) // 2
    ids = np.arange(len(emb))
    arguments: dict = {
        "train_patients": ids[:half],
        "test_patients": ids[half:],
        "groups": [f"g{k}" for k in range(int(codes.max()) + 1)],
        "attribute": "sex",
        "replicates": 0,
        "seed": seed,
    } | changes
    return leakage(emb[:half], codes[:half], emb[half:], codes[half:], **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("narrow", [False, True])
def test_xor_code_is_read_by_the_network_alone(narrow: bool) -> None:
    result = probe(*xor_code(1, narrow=narrow))
    assert result.auc_lr == pytest.approx(0.5, abs=0.05)
    assert result.auc_mlp >= 0.95
    assert result.auc == result.auc_mlp


@pytest.mark.slow
def test_radius_code_is_read_by_the_network_alone() -> None:
    result = probe(*radius_code(2))
    assert result.auc_lr == pytest.approx(0.5, abs=0.05)
    assert result.auc_mlp >= 0.95


@pytest.mark.slow
def test_faint_radius_code_is_read_nearly_as_well_as_by_the_discriminant_that_knows_its_form() -> None:
    emb, codes = radius_code(3, ratio=1.5)
    reference = QuadraticDiscriminantAnalysis(reg_param=0.05).fit(emb[:N], codes[:N])
    expected = roc_auc_score(codes[N:], reference.decision_function(emb[N:]))
    assert 0.8 < expected < 0.9
    assert probe(emb, codes).auc_mlp >= expected - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("distance", [0.3, 0.545, 1.2, 4.0])
def test_network_is_no_worse_than_the_regression_on_linear_codes(distance: float) -> None:
    for seed in (10, 11):
        result = probe(*linear_code(seed, distance=distance), seed=seed)
        assert result.auc_mlp >= result.auc_lr - 0.01


@pytest.mark.slow
def test_network_is_no_worse_than_the_regression_on_three_groups() -> None:
    rng = np.random.default_rng(12)
    z, rotation = background(rng, N)
    codes = rng.integers(0, 3, 2 * N)
    z[:, 0] += 0.5 * np.cos(2 * np.pi * codes / 3)
    z[:, 1] += 0.5 * np.sin(2 * np.pi * codes / 3)
    result = probe(unit(z @ rotation), codes)
    assert 0.6 < result.auc_lr < 0.75
    assert result.auc_mlp >= result.auc_lr - 0.01


@pytest.mark.parametrize("distance", [0.545, 1.5, 3.0])
def test_planted_auc_matches_its_closed_form(distance: float) -> None:
    # Two Gaussians at distance d, before normalisation: AUC = Phi(d / sqrt 2) = (1 + erf(d / 2)) / 2.
    rng = np.random.default_rng(4)
    z, rotation = background(rng, N)
    codes = rng.integers(0, 2, 2 * N)
    z[:, 0] += distance * codes
    expected = (1 + erf(distance / 2)) / 2
    assert probe(z @ rotation, codes).auc_lr == pytest.approx(expected, abs=0.02)


def test_linear_code_in_a_direction_of_little_variance_is_found() -> None:
    rng = np.random.default_rng(5)
    z, rotation = background(rng, N)
    codes = rng.integers(0, 2, 2 * N)
    z[:, 0] += 2.0 * codes
    z[:, 0] *= 0.01
    assert probe(z @ rotation, codes).auc_lr == pytest.approx((1 + erf(1.0)) / 2, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [2, 3])
def test_noise_is_at_chance(groups: int) -> None:
    rng = np.random.default_rng(6)
    z, _ = background(rng, N)
    result = probe(unit(z), rng.integers(0, groups, 2 * N))
    assert 0.45 <= result.auc_lr <= 0.55
    assert 0.45 <= result.auc_mlp <= 0.55
    assert result.expected_by_chance == 0.5


def test_unknown_group_is_left_out_and_counted() -> None:
    emb, codes = linear_code(7, distance=2.0, n=300)
    masked = codes.copy()
    masked[::5] = -1
    known = masked >= 0
    # Unknown rows made extreme: were they used for scaling, scores or counts, something would change.
    spoiled = emb.copy()
    spoiled[~known] = 1e3
    ids = np.arange(600)
    alone = probe(
        emb[known], codes[known], train_patients=ids[:300][known[:300]], test_patients=ids[300:][known[300:]]
    )
    result = probe(spoiled, masked, groups=["g0", "g1"])
    assert (result.n, result.n_train, result.n_unknown, result.n_unknown_train) == (240, 240, 60, 60)
    assert (result.auc_lr, result.auc_mlp) == (alone.auc_lr, alone.auc_mlp)


def test_same_seed_same_result_and_global_random_states_are_untouched() -> None:
    emb, codes = linear_code(8, distance=1.0, n=400)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    first = probe(emb, codes, replicates=50)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    torch.manual_seed(99)
    second = probe(emb, codes, replicates=50)
    assert first == second
    assert np.array_equal(first.scores_mlp, second.scores_mlp)
    assert probe(emb, codes, seed=1, replicates=50).ci != first.ci


@pytest.mark.parametrize(
    ("codes", "groups", "reason"),
    [
        (np.zeros(60, int), ["F"], "one group"),
        (np.arange(60) % 2, ["F", "M", "X"], "no test image of group X"),
        (np.r_[np.zeros(28, int), 1, 1, np.arange(30) % 2], ["F", "M"], "group M has fewer than 3 patients"),
    ],
)
def test_undefined_leakage_has_its_reason(codes: np.ndarray, groups: list[str], reason: str) -> None:
    emb = unit(np.random.default_rng(9).standard_normal((60, 8)))
    result = probe(emb, codes, groups=groups)
    assert reason in result.note
    assert all(np.isnan(row["value"]) and reason in row["note"] for row in result.rows())


def test_rows_name_both_probes_and_the_larger() -> None:
    lr, mlp = (0.6, 0.5, 0.7), (0.7, 0.6, 0.8)
    result = LeakageResult("race", ("A", "B"), 10, 20, 0, 0, lr[0], mlp[0], lr[1:], mlp[1:])
    values = {row["metric"]: (row["value"], row["ci_low"], row["ci_high"]) for row in result.rows()}
    assert values == {"leakage_auc_lr": lr, "leakage_auc_mlp": mlp, "leakage_auc": mlp}
    undefined = replace(result, conditional=True, auc_conditional=np.nan, note="no network was better").rows()
    why = "undefined: some group shares no pattern of findings with another; no network was better"
    assert [row["note"] for row in undefined] == ["no network was better"] * 3 + [why]


def test_a_patient_in_both_sets_is_refused() -> None:
    emb, codes = linear_code(13, distance=1.0, n=30)
    with pytest.raises(DataError, match="1 patients are in both"):
        probe(emb, codes, test_patients=np.arange(29, 59))


def test_an_embedding_that_is_not_finite_is_refused_by_row() -> None:
    emb, codes = linear_code(14, distance=1.0, n=30)
    emb[4, 2] = np.nan
    with pytest.raises(DataError, match="row 5: the embedding of the probe set is not finite"):
        probe(emb, codes)


def test_folds_keep_patients_together_and_groups_even() -> None:
    rng = np.random.default_rng(15)
    patients = rng.integers(0, 200, 900).astype(str)
    codes = np.array([int(p) % 3 for p in patients])
    fold = patient_folds(codes, patients, folds=FOLDS, seed=0)
    assert all(len(set(fold[patients == p])) == 1 for p in set(patients))
    for k in range(3):
        members = [len(set(patients[(fold == f) & (codes == k)])) for f in range(FOLDS)]
        assert max(members) - min(members) <= 1
    assert not np.array_equal(fold, patient_folds(codes, patients, folds=FOLDS, seed=1))


def test_grouped_folds_do_not_let_a_patient_teach_their_own_image(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def spied(codes: np.ndarray, patients: np.ndarray, **how: int) -> np.ndarray:
        seen.append(patients)
        return patient_folds(codes, patients, **how)

    monkeypatch.setattr("adfair.evaluation.leakage.patient_folds", spied)
    rng = np.random.default_rng(16)
    patients = np.repeat(np.arange(200), 6)
    codes = rng.integers(0, 2, 200)[patients]
    emb = unit(rng.standard_normal((200, D))[patients] + 0.01 * rng.standard_normal((1200, D)))
    result = probe(emb, codes, train_patients=patients[:600], test_patients=patients[600:])
    assert result.auc == pytest.approx(0.5, abs=0.15)
    assert seen
    assert all(len(np.unique(each)) == 100 for each in seen), "folds are of patients, not of images"


def test_macro_auc_and_log_odds_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(17)
    codes = rng.integers(0, 4, 500)
    logits = rng.standard_normal((500, 4)) + 1.5 * np.eye(4)[codes]
    shares = torch.softmax(torch.tensor(logits), dim=1).numpy()
    expected = roc_auc_score(codes, shares, multi_class="ovr")
    assert macro_auc(codes, log_odds(logits)) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(log_odds(logits), np.log(shares / (1 - shares)), rtol=1e-9)


def test_scaling_whitens_the_training_set() -> None:
    rng = np.random.default_rng(18)
    emb = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6)) + 3.0
    emb[:, 2] = 1.5
    scaling = fit_scaling(emb)
    x = scaling.standardise(emb)
    assert not x[:, 2].any()
    covariance = np.cov(x @ scaling.whitening, rowvar=False, bias=True)
    np.testing.assert_allclose(np.sort(np.diag(covariance)), [0, 1, 1, 1, 1, 1], atol=1e-9)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-9)


def test_bootstrap_of_patients_matches_counted_weights_and_widens_with_clusters() -> None:
    rng = np.random.default_rng(19)
    patients = np.repeat(np.arange(100), 4)
    y = rng.integers(0, 2, 100)[patients]
    score = (y + 2 * rng.standard_normal(100)[patients]).round(1)
    grouped = bootstrap_auc(y, score[:, None], patients=patients, replicates=400, seed=0)
    assert grouped.shape == (400, 1)
    reference = []
    for _ in range(400):
        rows = (4 * rng.integers(0, 100, 100)[:, None] + np.arange(4)).ravel()
        reference.append(roc_auc_score(y[rows], score[rows]))
    assert grouped.mean() == pytest.approx(np.mean(reference), abs=0.01)
    assert grouped.std() == pytest.approx(np.std(reference), rel=0.15)
    single = bootstrap_auc(y, score[:, None], patients=np.arange(400), replicates=400, seed=0)
    assert grouped.std() > 1.5 * single.std()
    low, high = mean_interval(grouped, level=0.95)
    np.testing.assert_allclose((low, high), np.quantile(grouped, [0.025, 0.975]))


def test_what_findings_predict_is_not_conditional_leakage() -> None:
    # The embedding shows a finding that goes with the group, and nothing else of the group.
    rng, n = np.random.default_rng(20), 1200
    finding = rng.integers(0, 2, 2 * n)
    codes = np.where(rng.random(2 * n) < 0.85, finding, 1 - finding)
    z = rng.standard_normal((2 * n, 8))
    z[:, 0] += 4 * finding
    result = probe(unit(z), codes, test_strata=finding[n:], replicates=60)
    assert result.auc > 0.75
    assert result.auc_conditional == pytest.approx(0.5, abs=0.05)
    assert result.ci_conditional[0] < result.auc_conditional < result.ci_conditional[1]
    z[:, 1] += 2 * codes
    told = probe(unit(z), codes, test_strata=finding[n:], replicates=60)
    assert told.auc_conditional > 0.8
    assert [row["metric"] for row in told.rows()][-1] == "leakage_auc_conditional"
