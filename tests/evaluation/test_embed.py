import numpy as np

from adfair.evaluation.embed import batch_for, embed_images, embed_texts
from adfair.models.dual_encoder import build_model


def test_embeddings_are_unit_norm_and_do_not_depend_on_their_batch() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    model.net.train()
    images = np.random.default_rng(0).integers(0, 256, (9, 64, 64), dtype=np.uint8)
    whole, parts = embed_images(model, images), embed_images(model, images, batch_size=2)
    assert whole.shape == (9, model.config["embed_dim"])
    assert whole.dtype == np.float32
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    assert np.allclose(whole, parts, atol=1e-5)
    assert not model.net.training


def test_texts_likewise() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    texts = ["No edema.", "Edema.", "Moderate left effusion."]
    whole, parts = embed_texts(model, texts), embed_texts(model, texts, batch_size=1)
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    assert np.allclose(whole, parts, atol=1e-5)


def test_a_batch_holds_as_many_pixels_whatever_the_size() -> None:
    assert [batch_for(side) for side in (64, 32, 128, 224, 2000)] == [256, 256, 64, 20, 1]


def test_rows_are_of_length_one_also_in_bfloat16() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    lower = embed_images(model, images, precision="bf16")
    np.testing.assert_allclose(np.linalg.norm(lower, axis=1), 1, atol=1e-6)
    assert 0.9999 < (lower * embed_images(model, images)).sum(1).min() < 1
