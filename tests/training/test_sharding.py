"""Towers in shards: whole runs of two processes, stopped and resumed, against processes with whole towers."""

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.gloo import run_together

from adfair.config import Config, build_config
from adfair.errors import ConfigError, TrainingError
from adfair.models.dual_encoder import build_model
from adfair.training import train
from adfair.training.sharding import load_whole, whole_state
from adfair.training.stopping import Stopped
from adfair.training.towers import Towers


def config(cohort: Path, strategy: str, **more: object) -> Config:
    keys = {
        "data.cohort": cohort,
        "data.batch_size": 24,
        "train.steps": 6,
        "train.checkpoint_every": 2,
        "train.log_every": 1,
        "train.strategy": strategy,
        "objective.delay": 0.1,
        **{k.replace("__", "."): v for k, v in more.items()},
    }
    return build_config({}, [f"{key}={value}" for key, value in keys.items()])


def stop_after(entry: dict) -> None:
    if entry["step"] == 2 and "contrastive" in entry:
        os.kill(os.getpid(), signal.SIGTERM)


def runs(cohort: Path, folder: Path) -> str:
    """What each process does: a run, the same one stopped and resumed, and one with whole towers."""
    train(config(cohort, "fsdp"), out=folder / "shards")
    try:
        train(config(cohort, "fsdp"), out=folder / "stopped", progress=stop_after)
    except Stopped as stopped:
        said = str(stopped)
    train(config(cohort, "fsdp"), out=folder / "stopped", resume=True)
    train(config(cohort, "ddp"), out=folder / "whole")
    return said


def poisoned(cohort: Path, folder: Path) -> str:
    """A gradient that is not finite in the shard of the second process alone."""
    original = Towers.check

    def check(towers: Towers, step: int) -> None:
        if os.environ["RANK"] == "1":
            towers.model.net.text_projection.grad.to_local().fill_(float("nan"))  # type: ignore[union-attr]
        original(towers, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Towers, "check", check)
        try:
            train(config(cohort, "fsdp"), out=folder / "poisoned")
        except TrainingError as error:
            return str(error)
    return "no error"


@pytest.fixture(scope="module")
def made(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    said = run_together(runs, small_cohort, folder, world=2, folder=folder)
    assert all("stopped after step 3" in each for each in said)
    return folder


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "open_clip_model.safetensors")


def test_a_run_in_shards_is_that_of_whole_towers(made: Path) -> None:
    shards, whole = weights(made / "shards"), weights(made / "whole")
    assert shards.keys() == whole.keys()
    for key, value in whole.items():
        torch.testing.assert_close(shards[key], value, rtol=1e-3, atol=1e-4, msg=key)


def test_a_run_in_shards_that_was_stopped_ends_with_the_same_bits(made: Path) -> None:
    first, second = weights(made / "shards"), weights(made / "stopped")
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_gradient_that_is_not_finite_in_one_shard_stops_all(small_cohort: Path, tmp_path: Path) -> None:
    for said in run_together(poisoned, small_cohort, tmp_path, world=2, folder=tmp_path):
        assert "the gradient of text_projection is not finite; nothing was updated" in said


def test_without_shards_states_come_and_go_unchanged() -> None:
    one, other = (build_model("tiny", seed=seed, image_size=64).net for seed in (0, 1))
    load_whole(other, whole_state(one))
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("key", ["train.compile=true", "train.precision=16-mixed"])
def test_what_shards_do_not_go_with_is_refused(key: str) -> None:
    with pytest.raises(
        ConfigError, match="fsdp goes with precision 32-true or bf16-mixed and without compile"
    ):
        build_config({}, ["train.strategy=fsdp", key])
