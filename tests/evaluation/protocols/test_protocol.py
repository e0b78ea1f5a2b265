"""Every zero-shot protocol against formulas written out here."""

import numpy as np
import pytest

from adfair.errors import ConfigError
from adfair.evaluation.protocols import PROMPTS, prompt_protocols
from adfair.evaluation.protocols.protocol import score
from adfair.evaluation.zero_shot import finding_directions, zero_shot_scores

FINDINGS = ["Atelectasis", "Pleural_Effusion", "Pneumonia", "No Finding"]


def embed(texts: list[str]) -> np.ndarray:
    """A unit vector for every text, the same wherever it is asked."""
    rows = [np.random.default_rng(list(text.encode())).standard_normal(16) for text in texts]
    return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


@pytest.fixture
def images() -> np.ndarray:
    emb = np.random.default_rng(0).standard_normal((12, 16))
    return (emb / np.linalg.norm(emb, axis=1, keepdims=True)).astype(np.float32)


def run(name: str, images: np.ndarray, findings: list[str] = FINDINGS, scale: float = 7.0):
    return score(PROMPTS[name], images, findings, embed, logit_scale=scale)


def softmax_first(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(a) / (np.exp(a) + np.exp(b))


def test_ours_is_bit_for_bit_what_it_was(images: np.ndarray) -> None:
    before = zero_shot_scores(images, finding_directions(embed, FINDINGS), logit_scale=7.0)
    assert np.array_equal(run("ours", images).multi_label, before)


def test_chexzero_is_a_softmax_of_raw_cosines(images: np.ndarray) -> None:
    found = run("chexzero", images).multi_label
    for f, name in enumerate(["Atelectasis", "Pleural Effusion", "Pneumonia"]):
        yes, no = (images @ embed([text])[0] for text in (name, f"no {name}"))
        np.testing.assert_allclose(found[:, f], softmax_first(yes, no), atol=1e-6)
    normal, finding = (images @ embed([text])[0] for text in ("No Finding", "Finding"))
    np.testing.assert_allclose(found[:, 3], softmax_first(normal, finding), atol=1e-6)
    assert "inverts" in PROMPTS["chexzero"].question("No Finding").note


@pytest.mark.parametrize(("name", "pool"), [("gloria", np.max), ("medclip", np.mean)])
def test_grammar_protocols_pool_cosines(name: str, pool, images: np.ndarray) -> None:
    found = run(name, images)
    statements = PROMPTS[name].question("Atelectasis").positive
    np.testing.assert_allclose(
        found.multi_label[:, 0] + 1, pool(images @ embed(list(statements)).T, axis=1), atol=1e-6
    )
    assert np.array_equal(found.multi_label, found.classes)
    assert "grammar" in PROMPTS[name].question("Pneumonia").note


def test_cxr_clip_asks_pairs_and_chooses_by_the_grammar(images: np.ndarray) -> None:
    found = run("cxr_clip", images)
    yes, no = (images @ embed([t])[0] for t in ("Atelectasis", "No Atelectasis"))
    np.testing.assert_allclose(found.multi_label[:, 0], softmax_first(yes, no), atol=1e-6)
    yes, no = (images @ embed([t])[0] for t in ("Findings suggesting pneumonia.", "No evidence of pneumonia"))
    np.testing.assert_allclose(found.multi_label[:, 2], softmax_first(yes, no), atol=1e-6)
    statements = PROMPTS["cxr_clip"].question("Atelectasis").classes
    assert len(statements) == 210
    np.testing.assert_allclose(found.classes[:, 0], (images @ embed(list(statements)).T).mean(1), atol=1e-6)


def test_biovil_averages_phrases_then_normalises(images: np.ndarray) -> None:
    found = run("biovil", images).multi_label[:, 2]
    question = PROMPTS["biovil"].question("Pneumonia")
    assert question.positive[0] == "Findings consistent with pneumonia"
    assert question.negative == (
        *("There is no pneumonia", "No evidence of pneumonia"),
        *("No evidence of acute pneumonia", "No signs of pneumonia"),
    )
    sides = []
    for side in (question.positive, question.negative):
        mean = embed(list(side)).mean(0)
        sides.append(images @ (mean / np.linalg.norm(mean)))
    np.testing.assert_allclose(found, softmax_first(*sides), atol=1e-6)


@pytest.mark.parametrize("name", PROMPTS)
def test_an_image_is_scored_by_itself(name: str, images: np.ndarray) -> None:
    whole, alone = run(name, images), [run(name, images[i : i + 1]) for i in range(len(images))]
    for part in ("multi_label", "classes"):
        rows = np.concatenate([getattr(each, part) for each in alone])
        np.testing.assert_allclose(getattr(whole, part), rows, atol=1e-6)


@pytest.mark.parametrize("name", PROMPTS)
def test_only_ours_uses_the_logit_scale(name: str, images: np.ndarray) -> None:
    same = np.array_equal(run(name, images, scale=1.0).multi_label, run(name, images, scale=9.0).multi_label)
    assert same == (name != "ours")


def test_names() -> None:
    assert [p.name for p in prompt_protocols("chexzero, ours,chexzero")] == ["chexzero", "ours"]
    assert len(prompt_protocols("all")) == len(PROMPTS)
    for wrong in ("kad", "", "ours,kad"):
        with pytest.raises(ConfigError, match="medclip"):
            prompt_protocols(wrong)
