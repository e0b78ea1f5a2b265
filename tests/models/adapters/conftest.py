"""Films and vocabularies for adapters, and the way from a PNG to an embedding that evaluation takes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from adfair.data.images import read_image

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "edema", "card", "##iom", "##egaly", "pleural"]
WORDS += ["effusion", ".", "is", "there", ",", "mild", "severe"]


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


def small_resnet() -> nn.Module:
    """A ResNet of torchvision with the depth and width of nothing published, and its usual 2048 features."""
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(1)
    return ResNet(Bottleneck, [1, 2, 1, 1], width_per_group=4)


def small_bert(*, pooler: bool = True) -> nn.Module:
    from transformers import BertConfig, BertModel

    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=1,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    return BertModel(config, add_pooling_layer=pooler)


def small_swin() -> nn.Module:
    from transformers import SwinConfig, SwinModel

    torch.manual_seed(3)
    return SwinModel(
        SwinConfig(image_size=224, patch_size=8, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=7)
    )


def as_published(model: nn.Module, folder: Path) -> dict[str, torch.Tensor]:
    """Weights under the names that files on the hub have: transformers writes those whatever it calls them inside."""
    from safetensors.torch import load_file

    model.save_pretrained(folder)  # type: ignore[operator]
    return load_file(folder / "model.safetensors")


def under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.fixture
def hidden_of(tmp_path: Path) -> Callable:
    """Hidden states of one text alone, by transformers' own tokenizer and model."""

    def states(model: nn.Module, text: str) -> tuple[torch.Tensor, ...]:
        from transformers import BertTokenizer

        tokenizer = BertTokenizer({word: i for i, word in enumerate(WORDS)})
        found = tokenizer([text], return_tensors="pt")
        with torch.inference_mode():
            return model.eval()(**found, output_hidden_states=True).hidden_states

    return states
