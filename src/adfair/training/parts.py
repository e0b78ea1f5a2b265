"""Everything in a run that changes while it trains: put together, kept in checkpoints, and loaded from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from adfair.config import Config
from adfair.data.loader import TrainData
from adfair.distributed import exchange, rank, world_size
from adfair.models.dual_encoder import DualEncoder, training_mode
from adfair.objectives import Setting, build_objective
from adfair.objectives.interface import Contrastive, FairnessTerm, Pairing
from adfair.training.flops import pair_flops, peak_flops
from adfair.training.optim import make_optimizer
from adfair.training.pace import Pace
from adfair.training.randomness import random_state, set_random_state
from adfair.training.selection import Selector
from adfair.training.sharding import like, load_whole, whole, whole_state
from adfair.training.speed import checkpoint_activations, compiled
from adfair.training.throughput import Throughput
from adfair.training.towers import Towers, batch_statistics
from adfair.training.watch import Watch


@dataclass(frozen=True)
class Parts:
    """Everything in a run that changes while it trains.

    The sampler is not among them: which rows a batch has is a function of the seed and the step.
    """

    net: torch.nn.Module
    towers: Towers  # the same, as the engine wraps it
    optimizer: torch.optim.Optimizer
    engine_optimizer: Any
    contrastive: Contrastive
    fairness: FairnessTerm
    watch: Watch
    selector: Selector
    pace: Pace
    throughput: Throughput
    precision: Any  # the engine's; holds the scaler of 16-bit training

    def figures(self, pairing: Pairing) -> dict[str, Any]:
        """What is logged of the last step: the game and the speed."""
        return {**self.watch.figures(pairing, self.fairness), **self.throughput.figures()}

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """By part; every process must call it, for each has its own random numbers."""
        adversary, fitted = self.fairness.adversary, self.fairness.optimizer
        randoms = exchange(random_state())
        return {
            "towers": whole_state(self.net),
            "optimizer": optimizer_state(self.optimizer),
            "adversary": {} if adversary is None else dict(adversary.state_dict()),
            "adversary_optimizer": {} if fitted is None else optimizer_state(fitted),
            "contrastive": self.contrastive.state(),
            "fairness": self.fairness.state(),
            "watch": self.watch.state(),
            "random": {
                f"{r}.{key}": value for r, state in enumerate(randoms) for key, value in state.items()
            },
        }

    def facts(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "seconds": self.pace.seconds,
            "scaler": self.precision.state_dict(),
            "validations": self.selector.records,
        }

    def load(self, tensors: Mapping[str, dict[str, Tensor]], facts: Mapping[str, Any]) -> None:
        """Go on from what :meth:`tensors` and :meth:`facts` were."""
        load_whole(self.net, tensors["towers"])
        load_optimizer(self.optimizer, tensors["optimizer"])
        if self.fairness.adversary is not None and self.fairness.optimizer is not None:
            self.fairness.adversary.load_state_dict(tensors["adversary"])
            load_optimizer(self.fairness.optimizer, tensors.get("adversary_optimizer", {}))
        self.contrastive.load(tensors.get("contrastive", {}))
        self.fairness.load(tensors.get("fairness", {}))
        self.watch.load(tensors["watch"])
        self.pace.resume(facts["seconds"])
        self.precision.load_state_dict(facts["scaler"])
        self.selector.records[:] = facts["validations"]
        own = f"{rank()}."
        set_random_state({k.removeprefix(own): v for k, v in tensors["random"].items() if k.startswith(own)})


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts by ``POSITION.NAME``; rates and decays are functions of configuration and step."""
    return {
        f"{i}.{name}": whole(value)
        for i, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Go on from an :func:`optimizer_state`."""
    parameters = _parameters(optimizer)
    for key, value in state.items():
        position, name = key.split(".", 1)
        parameter = parameters[int(position)]
        if value.shape == parameter.shape and name != "step":
            # Fused updates walk through memory, so moments must lie as the weights do (channels last).
            moment = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            value = moment.copy_(like(value, parameter))
        optimizer.state[parameter][name] = value.to(parameter.device)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def assemble(
    model: DualEncoder,
    data: TrainData,
    config: Config,
    fabric: Fabric,
    selector: Selector,
    say: Callable[[str], None] = lambda message: None,
) -> Parts:
    """The parts of a run that is about to start, on the engine's device."""
    train, pace = config.train, Pace()
    flops = pair_flops(model, data.tokens[:1])
    engine_net = fabric.setup_module(_sped_up(model, data, config, fabric, say))
    optimizer = make_optimizer(
        model.net, lr=train.lr, weight_decay=train.weight_decay, text_lr_factor=train.text_lr_factor
    )
    engine_optimizer = fabric.setup_optimizers(optimizer)
    contrastive, fairness = build_objective(Setting(config, fabric, model, data))
    training_mode(model, frozen=config.model.freeze)
    peak = peak_flops(fabric.device, train.precision)
    return Parts(
        net=model.net,
        towers=Towers(fabric, model, engine_net, micro=config.data.micro_batch_size),
        optimizer=optimizer,
        engine_optimizer=engine_optimizer,
        contrastive=contrastive,
        fairness=fairness,
        watch=Watch(config, data.patients),
        selector=selector,
        pace=pace,
        throughput=Throughput(pace, flops=flops, peak=None if peak is None else peak * world_size()),
        precision=fabric.strategy.precision,
    )


def _sped_up(
    model: DualEncoder, data: TrainData, config: Config, fabric: Fabric, say: Callable[[str], None]
) -> torch.nn.Module:
    """The towers as ``train.checkpoint_activations`` and ``train.compile`` want them run."""
    if config.data.micro_batch_size is not None and batch_statistics(model.net):
        say(
            "data.micro_batch_size: these towers have batch norm, whose statistics are those of each micro-batch"
        )
    if config.train.precision == "16-mixed" and fabric.device.type == "cpu":
        say("train.precision: 16-mixed needs a GPU; on this processor it is bf16-mixed")
    if config.train.checkpoint_activations:
        checkpoint_activations(model.net, say)
    if not config.train.compile:
        return model.net
    training_mode(model, frozen=config.model.freeze)
    return compiled(model, fabric, data.images[torch.arange(min(2, len(data)))], data.tokens[:2], say)
