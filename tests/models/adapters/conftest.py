"""Films and vocabularies for adapters, and the way from a PNG to an embedding that evaluation takes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from adfair.data.images import read_image

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] no edema card ##iom ##egaly pleural effusion . is there , mild severe".split()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey PNG, wider than high, neither side a round number, with structure and noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:411, :517]
    levels = 120 + 70 * np.sin(x / 37) * np.cos(y / 23) + rng.normal(0, 25, x.shape)
    path = tmp_path_factory.mktemp("film") / "film.png"
    Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def vocabulary() -> Callable[[Path], None]:
    """Write vocab.txt into a folder."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")

    return write


@pytest.fixture
def image_of(film: Path) -> Callable:
    """Our embedding of the film, [D]."""

    def embed(model, path: Path = film) -> torch.Tensor:
        square = model.square(read_image(path))
        with torch.inference_mode():
            return model.encode_image(model.prepare(torch.from_numpy(np.array(square))[None]))[0]

    return embed


@pytest.fixture
def text_of() -> Callable:
    """Our embeddings of texts, [N, D]."""

    def embed(model, texts: Sequence[str]) -> torch.Tensor:
        with torch.inference_mode():
            return model.encode_text(texts)

    return embed


@pytest.fixture
def shaken() -> Callable[[nn.Module], nn.Module]:
    """Weights and running statistics that no initialisation leaves at 0 or 1, so that leaving one out shows."""

    def shake(net: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, value in net.state_dict().items():
                if value.is_floating_point():
                    noise = torch.randn(value.shape, generator=generator) * 0.05
                    value.add_(noise.abs() if name.endswith("running_var") else noise)
        return net.eval()

    return shake


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=-1, keepdim=True)
