import numpy as np

from adfair.evaluation.embed import embed_images, embed_texts
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
