import json
from pathlib import Path

import numpy as np
import pytest

from adfair.errors import ConfigError
from adfair.evaluation.embed import embed_images, embed_texts
from adfair.models.dual_encoder import build_model, load_model, save_model
from adfair.models.posthoc import Affine, PostHoc, Residual, load_posthoc, save_posthoc, unit_rows

RNG = np.random.default_rng(0)
ABOUT = {"kind": "leace", "attributes": ["sex"]}


def affine(dim: int) -> Affine:
    return Affine(RNG.normal(size=(dim, dim)), RNG.normal(size=dim))


def residual(dim: int) -> Residual:
    sizes = ((5, dim), (5, 5), (dim, 5))
    return Residual(
        tuple(
            (RNG.normal(size=s).astype(np.float32), RNG.normal(size=s[0]).astype(np.float32)) for s in sizes
        )
    )


def test_affine_by_hand() -> None:
    quarter = Affine(np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([0.0, 1.0]))
    assert np.allclose(
        quarter(np.array([[1.0, 0.0], [0.0, 1.0]])), [[0, 1], [-(0.5**0.5), 0.5**0.5]], atol=1e-7
    )


def test_residual_by_hand() -> None:
    # f(x) = 2 leaky(x - 1): below the kink the slope is .2.
    layers = ((np.eye(2), np.array([-1.0, -1.0])), (2 * np.eye(2), np.zeros(2)))
    found = Residual(layers)(np.array([[2.0, -1.0]]))
    assert np.allclose(found, unit_rows(np.array([[2 + 2 * 1, -1 + 2 * 0.2 * -2]])), atol=1e-7)


@pytest.mark.parametrize("make", [affine, residual])
def test_rows_are_unit_and_come_back_from_disk_to_the_bit(make, tmp_path: Path) -> None:
    transform, emb = make(7), unit_rows(RNG.normal(size=(9, 7)))
    save_posthoc(PostHoc(transform, ABOUT), tmp_path)
    again = load_posthoc(tmp_path)
    assert again is not None
    assert again.about == ABOUT
    out = again.transform(emb)
    assert np.array_equal(out, transform(emb))
    assert out.dtype == np.float32
    assert np.allclose(np.linalg.norm(out, axis=1), 1, atol=1e-6)
    assert not np.allclose(out, emb)


def test_a_row_of_zeros_stays() -> None:
    assert np.array_equal(unit_rows(np.zeros((1, 3))), np.zeros((1, 3)))


def test_a_folder_without_one_has_none_and_half_of_one_is_an_error(tmp_path: Path) -> None:
    assert load_posthoc(tmp_path) is None
    save_posthoc(PostHoc(affine(3), ABOUT), tmp_path)
    (tmp_path / "posthoc.json").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_posthoc(tmp_path)
    (tmp_path / "posthoc.json").write_text(json.dumps(ABOUT))
    (tmp_path / "posthoc.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ConfigError, match="adfair erase"):
        load_posthoc(tmp_path)


def test_a_loaded_model_corrects_images_and_leaves_texts(tmp_path: Path) -> None:
    model = build_model("tiny", seed=0)
    folder = save_model(model, tmp_path / "m")
    correction = affine(model.config["embed_dim"])
    save_posthoc(PostHoc(correction, ABOUT), folder)
    corrected = load_model(folder)
    images = RNG.integers(0, 256, (3, 64, 64), dtype=np.uint8)
    assert np.array_equal(embed_images(corrected, images), correction(embed_images(model, images)))
    assert np.array_equal(embed_texts(corrected, ["No edema."]), embed_texts(model, ["No edema."]))
