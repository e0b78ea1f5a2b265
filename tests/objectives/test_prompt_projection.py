import numpy as np
import pytest
from scipy.linalg import orth

from adfair.objectives.prompt_projection import fit_prompt_projection

RNG = np.random.default_rng(0)
PROMPTS, PAIRS = RNG.normal(size=(4, 9)), RNG.normal(size=(5, 9))


def test_the_span_of_the_prompts_is_gone_and_nothing_else() -> None:
    found = fit_prompt_projection(np.vstack([PROMPTS, PROMPTS[:1] + PROMPTS[1:2]]))
    basis = orth(PROMPTS.T)
    assert found.rank == 4
    assert np.allclose(found.matrix, np.eye(9) - basis @ basis.T, atol=1e-12)
    assert np.abs(found(PROMPTS)).max() < 1e-12
    assert np.array_equal(found.bias, np.zeros(9))


def test_calibration_minimises_its_own_objective() -> None:
    # The paper's: |P - P0|^2 + strength / S * sum |P d|^2, at P transposed since images are projected here.
    start, best = (
        fit_prompt_projection(PROMPTS).matrix,
        fit_prompt_projection(PROMPTS, PAIRS, strength=3.0).matrix.T,
    )

    def objective(p: np.ndarray) -> float:
        return float(((p - start) ** 2).sum() + 3.0 / len(PAIRS) * ((PAIRS @ p.T) ** 2).sum())

    for _ in range(5):
        other = RNG.normal(size=(9, 9))
        assert objective(best + 1e-3 * other) > objective(best)
        slope = (objective(best + 1e-4 * other) - objective(best - 1e-4 * other)) / 2e-4
        assert slope == pytest.approx(0, abs=1e-6)


def test_projecting_the_images_is_projecting_the_texts() -> None:
    found = fit_prompt_projection(PROMPTS, PAIRS)
    images, texts = RNG.normal(size=(3, 9)), RNG.normal(size=(2, 9))
    as_published = fit_prompt_projection(PROMPTS).matrix @ np.linalg.inv(
        np.eye(9) + 1000 * PAIRS.T @ PAIRS / len(PAIRS)
    )
    assert np.allclose(found(images) @ texts.T, images @ (texts @ as_published.T).T, atol=1e-12)
