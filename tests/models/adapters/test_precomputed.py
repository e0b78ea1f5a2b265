from pathlib import Path

import numpy as np
import pytest
import torch

from adfair.errors import ConfigError, DataError
from adfair.models.adapters.load import load_adapter

EMB = np.array([[3.0, 4.0], [0.0, 2.0]], np.float32)


def write(path: Path, **change: np.ndarray) -> Path:
    np.savez(path, **({"image_id": np.array(["a", "b"]), "image_emb": EMB} | change))
    return path


def test_embeddings_are_looked_up_by_id_and_prompts_by_text(tmp_path: Path) -> None:
    texts = {"text": np.array(["No edema."]), "text_emb": EMB[:1], "logit_scale": np.array(20.0)}
    model = load_adapter("precomputed", write(tmp_path / "e.npz", **texts))
    assert np.allclose(model.lookup(["b", "a"]), [[0, 1], [0.6, 0.8]])
    assert torch.allclose(model.encode_text(["No edema."]), torch.tensor([[0.6, 0.8]]))
    assert model.logit_scale == 20
    with pytest.raises(DataError, match=r"no embedding of 1 of 2 images \(image 2 first\)"):
        model.lookup(["a", "c"])
    with pytest.raises(ConfigError, match=r"no text_emb of 1 prompts \(first: 'Edema\.'\)"):
        model.encode_text(["Edema.", "No edema."])
    with pytest.raises(ConfigError, match="no model to run"):
        model.prepare(torch.zeros(1, 1, 1))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"image_id": np.array(["a", "a"])}, "occurs twice"),
        ({"image_emb": np.full((2, 2), np.nan)}, "not finite"),
        ({"image_emb": EMB[:1]}, "must be N texts"),
        ({"image_id": np.array([1, 2])}, "must be N texts"),
        ({"text": np.array(["x"])}, "no array text_emb"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change: dict, named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=named):
        load_adapter("precomputed", write(tmp_path / "e.npz", **change))
