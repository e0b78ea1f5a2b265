import numpy as np
import pytest
from scipy.special import expit

from adfair.evaluation.prompts import group_prompts, prompts
from adfair.evaluation.zero_shot import finding_directions, five_class_accuracy, two_way, zero_shot_scores


def fake_texts(texts: list[str]) -> np.ndarray:
    """Affirmations along x, denials along y."""
    denied = np.array(
        [
            t.lower().startswith(("no ", "without", "there is no", "abnormal", "there is an abn"))
            for t in texts
        ]
    )
    return np.where(denied[:, None], [[0.0, 1.0]], [[1.0, 0.0]]).astype(np.float32)


def test_scores_are_the_softmax_of_the_two_similarities() -> None:
    directions = finding_directions(fake_texts, ["Edema"])
    assert np.allclose(directions[0], [[1, 0], [0, 1]])
    image = np.array([[0.6, 0.8]], dtype=np.float32)
    expected = np.exp(5 * 0.6) / (np.exp(5 * 0.6) + np.exp(5 * 0.8))
    assert zero_shot_scores(image, directions, logit_scale=5.0)[0, 0] == pytest.approx(expected, abs=1e-6)


def test_a_score_never_depends_on_the_other_images() -> None:
    rng = np.random.default_rng(0)
    emb, directions = (
        rng.standard_normal((20, 4)).astype(np.float32),
        rng.standard_normal((3, 2, 4)).astype(np.float32),
    )
    whole = zero_shot_scores(emb, directions, logit_scale=10)
    alone = np.concatenate([zero_shot_scores(emb[i : i + 1], directions, logit_scale=10) for i in range(20)])
    assert np.abs(whole - alone).max() < 1e-12


def test_no_finding_is_asked_the_right_way_round() -> None:
    positive, negative = prompts("No Finding")
    assert all("no " in p.lower() or "normal" in p.lower() for p in positive)
    assert all("abnormal" in p.lower() for p in negative)
    positive, negative = prompts("Pleural_Effusion")
    assert all("pleural effusion" in p.lower() for p in positive + negative)
    assert not set(positive) & set(negative)


def test_five_class_accuracy() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert five_class_accuracy(scores, np.array([[1, 0], [0, 1], [0, 1]])) == pytest.approx(2 / 3)
    with pytest.raises(AssertionError):
        five_class_accuracy(scores, np.array([[1, 1], [0, 1], [0, 1]]))


def test_group_prompts_read_like_sentences() -> None:
    assert group_prompts(["F", "Asian"]) == [
        "A chest X-ray of a female patient.",
        "A chest X-ray of an Asian patient.",
    ]
    assert group_prompts(["M"], finding="Pleural_Effusion") == [
        "A chest X-ray of a male patient with pleural effusion."
    ]


def test_a_large_logit_scale_costs_no_order() -> None:
    """A scale of 100 ties nothing that the cosines tell apart, and small logits are a plain softmax."""
    logits = np.random.default_rng(0).normal(35, 8, 2000)
    assert (expit(logits) == 1).sum() > 500
    assert np.unique(two_way(logits)).size == 2000
    assert (np.argsort(two_way(logits)) == np.argsort(logits)).all()
    np.testing.assert_array_equal(
        two_way(logits - 35)[np.abs(logits - 35) < 16], expit(logits - 35)[np.abs(logits - 35) < 16]
    )
    edge = np.array([-200.0, -16.001, -16.0, 16.0, 16.001, 200.0])
    assert (np.diff(two_way(edge)) > 0).all()
    assert np.abs(two_way(edge) - expit(edge)).max() < 2e-7
