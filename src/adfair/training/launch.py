"""The engine of a run: lightning-fabric on one device, several, or several machines."""

import os
from collections.abc import Callable

from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy

from adfair.config import Config
from adfair.errors import ConfigError
from adfair.training.sharding import shard


def launch(config: Config) -> tuple[Fabric, Config, Callable[[], None]]:
    """Start (or meet) the other processes of a run.

    ``torchrun`` says how many there are; otherwise ``train.devices`` on each of ``train.nodes``, which this starts
    itself unless SLURM has.

    Returns:
        The engine, the configuration with the numbers that hold, and what ends the processes that this one has started.

    Raises:
        ConfigError: more devices than there are, or other numbers than the launcher's.
    """
    devices, nodes = _numbers(config)
    precision = config.train.precision
    train = config.train.model_copy(update={"devices": devices, "nodes": nodes})
    config = config.model_copy(update={"train": train})
    if devices * nodes == 1:
        return Fabric(accelerator="auto", devices=1, precision=precision), config, lambda: None
    if config.data.batch_size < devices * nodes:
        raise ConfigError(
            f"data.batch_size: {config.data.batch_size} images cannot be shared by {devices * nodes} processes"
        )
    try:
        strategy = "ddp" if train.strategy == "ddp" else sharded(devices * nodes)
        fabric = Fabric(
            accelerator="auto", strategy=strategy, devices=devices, num_nodes=nodes, precision=precision
        )
    except Exception as error:
        if type(error).__name__ != "MisconfigurationException":
            raise
        raise ConfigError(f"train.devices: {devices} on each node, but: {error}") from None
    fabric.launch()
    return fabric, config, lambda: _end_children(fabric)


def sharded(processes: int) -> ModelParallelStrategy:
    """The engine's strategy of ``train.strategy: fsdp``."""
    return ModelParallelStrategy(shard, data_parallel_size=processes, tensor_parallel_size=1)


def _numbers(config: Config) -> tuple[int, int]:
    asked = config.train.devices, config.train.nodes
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return asked
    each = int(os.environ["LOCAL_WORLD_SIZE"])
    found = each, int(os.environ["WORLD_SIZE"]) // each
    if asked not in ((1, 1), found):
        raise ConfigError(
            f"train.devices, train.nodes: {asked[0]} on {asked[1]} nodes, but torchrun started {found[0]} on {found[1]}"
        )
    return found


def _end_children(fabric: Fabric) -> None:
    for process in getattr(fabric.strategy.launcher, "procs", []):
        process.kill()
