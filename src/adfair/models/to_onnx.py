"""Image and text tower as two ONNX files, checked against the towers they come from."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adfair.errors import ConfigError, MissingExtraError
from adfair.models.dual_encoder import DualEncoder
from adfair.models.to_transformers import sample_inputs

OPSET, TOLERANCE = 17, 1e-4
"""The oldest operator set with layer normalisation as one operator, so most runtimes read it (our choice); and the
largest difference of a unit-norm embedding with which a file is handed out."""
IMAGE_FILE, TEXT_FILE = "image_tower.onnx", "text_tower.onnx"


class _Tower(nn.Module):
    """One tower with its normalisation, as a module of its own."""

    def __init__(self, net: nn.Module, encode: str) -> None:
        super().__init__()
        self.net, self.encode = net, encode

    def forward(self, x: Tensor) -> Tensor:
        embed: Callable[..., Tensor] = getattr(self.net, self.encode)
        return embed(x, normalize=True)


def require_onnx() -> None:
    """Raises MissingExtraError where the extra ``onnx`` is not installed."""
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"--format onnx needs {' and '.join(missing)}: pip install '.[onnx]' in the folder of the project"
        )


def write_tower(net: nn.Module, encode: str, sample: Tensor, path: Path, *, name: str) -> None:
    """Trace ``net.encode(sample, normalize=True)`` into ``path``; the number of rows stays free.

    Args:
        encode: ``encode_image`` or ``encode_text``. sample: a batch of at least 2 rows. name: of the input.
    """
    tower = _Tower(net, encode).eval()
    fast = torch.backends.mha.get_fastpath_enabled()
    # The fused attention of inference mode is one operator that ONNX does not have.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's, about itself: what it wrote is checked
            torch.onnx.export(
                tower,
                (sample,),
                path,
                dynamo=False,
                opset_version=OPSET,
                input_names=[name],
                output_names=["embedding"],
                dynamic_axes={name: {0: "rows"}, "embedding": {0: "rows"}},
            )
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def save_onnx(model: DualEncoder, folder: Path) -> float:
    """Write ``image_tower.onnx`` and ``text_tower.onnx``; returns the largest difference of an embedding.

    The image tower takes float32 ``pixels [rows, 3, S, S]`` normalised as ``preprocess_cfg`` says, the text tower
    int64 ``tokens [rows, L]``; both give unit-norm ``embedding [rows, D]``.

    Raises:
        MissingExtraError: the extra ``onnx`` is not installed.
        ConfigError: what ONNX computes differs by more than ``TOLERANCE``.
    """
    require_onnx()
    model.net.eval()
    images, tokens = sample_inputs(model)
    found = 0.0
    for encode, sample, file, name in (
        ("encode_image", images, IMAGE_FILE, "pixels"),
        ("encode_text", tokens, TEXT_FILE, "tokens"),
    ):
        write_tower(model.net, encode, sample[:2].contiguous(), folder / file, name=name)
        # More rows than were traced: a batch size frozen into the file would show.
        found = max(found, _difference(model.net, encode, sample.contiguous(), folder / file, name))
    if not found <= TOLERANCE:
        raise ConfigError(f"--format onnx: embeddings differ by {found:.1e}, more than {TOLERANCE:.0e}")
    return found


@torch.inference_mode()
def _difference(net: Any, encode: str, sample: Tensor, path: Path, name: str) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {name: sample.numpy()})[0]
    return (getattr(net, encode)(sample, normalize=True) - torch.from_numpy(theirs)).abs().max().item()
