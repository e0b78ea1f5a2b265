"""The towers' part of a step: embeddings out, gradients back, in micro-batches where the whole batch does not fit."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from adfair.config import Config
from adfair.distributed import highest
from adfair.errors import TrainingError
from adfair.models.dual_encoder import DualEncoder, build_model, freeze_tower, load_weights
from adfair.objectives import siglip
from adfair.training.guards import check_gradients


def build_towers(config: Config) -> DualEncoder:
    """The towers that a configuration names: drawn from its seed or read, and held still where it says so.

    Raises:
        ConfigError, DataError: there are no such towers, or the weights are none of theirs.
    """
    model = build_model(
        config.model.config,
        seed=config.seed,
        image_size=config.data.image_size,
        fit=config.data.fit,
        start=siglip.START if config.objective.contrastive == "siglip" else None,
    )
    if config.model.pretrained is not None:
        load_weights(model, config.model.pretrained)
    for tower in config.model.freeze:
        freeze_tower(model, tower)
    return model


class Towers:
    """Embeds a batch and takes a loss on its embeddings back to the weights.

    With micro-batches the gradient is cached: all embeddings first, without a graph; the loss, which needs them all,
    down to the embeddings; then every micro-batch once more, with a graph, which takes its share of that gradient to
    the weights. The contrastive batch and every fairness term are those of the whole batch, at the activations of a
    micro-batch and one more forward pass. Random draws are repeated, so dropout is the same in both passes. Batch norm
    sees micro-batches (as with devices that do not share its statistics), and counts each once. All else is exact.

    Args:
        net: the towers as ``fabric.setup`` returned them. micro: most rows of a micro-batch; ``None`` for the whole batch.

    Source: Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup".
    """

    def __init__(self, fabric: Fabric, model: DualEncoder, net: Any, *, micro: int | None) -> None:
        self.fabric, self.model, self.net, self.micro = fabric, model, net, micro
        self._cache: _Cache | None = None

    def embed(self, images: Tensor, tokens: Tensor) -> Sequence[Tensor]:
        """What the towers return for images [B, S, S] and tokens [B, L]: embeddings, scale, and SigLIP's bias."""
        # Batch norm and the engine exchange between processes at every part, so all must have as many.
        count = 1 if self.micro is None else highest(math.ceil(len(images) / self.micro))
        if count == 1:
            # The engine forbids torch.autograd.grad on what it returns, in mixed precision; not on views of it.
            return [output.view_as(output) for output in self.forward(images, tokens)]
        self._cache = _Cache(self, images, tokens, count)
        return self._cache.outputs

    def forward(self, images: Tensor, tokens: Tensor) -> Sequence[Tensor]:
        """One pass through the towers."""
        return self.net(self.model.prepare(images), tokens)

    def backward(self, loss: Tensor) -> None:
        """Gradients on the weights from a loss on what ``embed`` returned last."""
        self.fabric.backward(loss)
        if self._cache is not None:
            self._cache.again()
            self._cache = None

    def check(self, step: int) -> None:
        """Raise TrainingError where a gradient is not finite. The scaler of 16-bit training leaves such a step out."""
        scaler = _scaler(self.fabric)
        if scaler is None:
            check_gradients(step, self.model.net)
        elif scaler.get_scale() < 1:
            raise TrainingError(
                f"step {step}: 16-bit gradients overflow at every scale; use train.precision=bf16-mixed"
            )


class _Cache:
    """The embeddings of one batch as leaves of a graph, and what it takes to compute them again."""

    def __init__(self, towers: Towers, images: Tensor, tokens: Tensor, count: int) -> None:
        self.towers, self.device = towers, images.device
        self.parts = list(zip(images.tensor_split(count), tokens.tensor_split(count), strict=True))
        self.states, outputs = [], []
        with torch.no_grad():
            for part in self.parts:
                self.states.append(_random_state(self.device))
                outputs.append(towers.forward(*part))
        image, text, *scalars = zip(*outputs, strict=True)
        leaves = [torch.cat(image), torch.cat(text), *(values[0].detach().clone() for values in scalars)]
        self.outputs = [leaf.requires_grad_() for leaf in leaves]

    def again(self) -> None:
        """Take the gradients at the leaves to the weights; the last part serves the scalars."""
        fabric = self.towers.fabric
        statistics = [(buffer, buffer.clone()) for buffer in batch_statistics(self.towers.model.net)]
        image, text, *scalars = (_gradient(leaf, fabric) for leaf in self.outputs)
        count = len(self.parts)
        shares = zip(_split(image, count), _split(text, count), strict=True)
        for i, (part, state, share) in enumerate(zip(self.parts, self.states, shares, strict=True)):
            last = i == count - 1
            with (
                _repeated(state, self.device),
                fabric.no_backward_sync(self.towers.net, enabled=not last),
            ):
                self._pull(part, [*share, *(scalars if last else ())])
        for buffer, before in statistics:
            buffer.copy_(before)

    def _pull(self, part: tuple[Tensor, Tensor], gradients: Sequence[Tensor | None]) -> None:
        """One micro-batch forwards and backwards; the derivative of output times gradient is that gradient."""
        products = [
            (output * gradient).sum()
            for output, gradient in zip(self.towers.forward(*part), gradients, strict=False)
            if output.requires_grad and gradient is not None
        ]
        if products:
            self.towers.fabric.backward(torch.stack(products).sum())


def _gradient(leaf: Tensor, fabric: Fabric) -> Tensor | None:
    """What arrived at a leaf, if anything, without the factor that ``fabric.backward`` multiplies by."""
    scaler = _scaler(fabric)
    return leaf.grad if scaler is None or leaf.grad is None else leaf.grad / scaler.get_scale()


def _scaler(fabric: Fabric) -> torch.amp.GradScaler | None:
    return getattr(fabric.strategy.precision, "scaler", None)


def _split(gradient: Tensor | None, count: int) -> Sequence[Tensor | None]:
    return [None] * count if gradient is None else gradient.tensor_split(count)


def batch_statistics(net: nn.Module) -> list[Tensor]:
    """Running statistics of all batch norms."""
    norms = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    return [buffer for norm in norms for buffer in norm.buffers()]


def _random_state(device: torch.device) -> list[Tensor]:
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else [])]


@contextmanager
def _repeated(state: list[Tensor], device: torch.device) -> Iterator[None]:
    """The random draws that followed ``state``; afterwards those that were due."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.set_rng_state(state[0])
        if len(state) > 1:
            torch.cuda.set_rng_state(state[1], device)
        yield
