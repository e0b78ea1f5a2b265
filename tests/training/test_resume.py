"""A run that is stopped, cut or handed other keys: what goes on, what is refused, and that nothing differs."""

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from adfair.cli.app import run as command
from adfair.config import Config, build_config
from adfair.data.synthetic import synth
from adfair.errors import ConfigError, DataError, TrainingError
from adfair.models.dual_encoder import model_config
from adfair.training import train
from adfair.training.checkpoint import checkpoints
from adfair.training.stopping import Stopped
from adfair.training.throughput import CLOCK

KEYS = {
    "data.batch_size": 24,
    "train.steps": 7,
    "train.checkpoint_every": 3,
    "train.log_every": 1,
    "objective.delay": 0.1,
    "data.augment": "light",
    "train.select": "last",
}


def config(cohort: Path, **more: object) -> Config:
    keys = {"data.cohort": cohort, **KEYS, **{k.replace("__", "."): v for k, v in more.items()}}
    return build_config({}, [f"{key}={value}" for key, value in keys.items()])


def stop_at(step: int, number: signal.Signals = signal.SIGTERM):
    def progress(entry: dict) -> None:
        if entry["step"] == step and "contrastive" in entry:
            os.kill(os.getpid(), number)

    return progress


def log_of(run: Path) -> list[str]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [json.dumps({k: v for k, v in line.items() if k not in CLOCK}) for line in lines]


def same(a: Path, b: Path) -> bool:
    return a.read_bytes() == b.read_bytes()


@pytest.fixture(scope="module")
def whole(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config(small_cohort), out=tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def stopped(small_cohort: Path, tmp_path: Path) -> Path:
    """A run stopped after four of its seven steps."""
    with pytest.raises(Stopped, match="after step 4, which is saved; go on with --resume"):
        train(config(small_cohort), out=tmp_path / "run", progress=stop_at(3))
    return tmp_path / "run"


def test_a_stopped_run_goes_on_in_the_middle_of_an_epoch_and_ends_the_same(
    whole: Path, stopped: Path, small_cohort: Path
) -> None:
    said: list[str] = []
    assert [p.name for p in checkpoints(stopped / "checkpoints")] == ["step-000004", "step-000003"]
    assert not (stopped / "model").exists()
    train(config(small_cohort), out=stopped, resume=True, say=said.append)
    assert [line for line in said if "throughput" not in line] == ["going on after step 4"]
    assert log_of(stopped) == log_of(whole)
    assert same(
        stopped / "model" / "open_clip_model.safetensors", whole / "model" / "open_clip_model.safetensors"
    )
    last, other = stopped / "checkpoints" / "step-000007", whole / "checkpoints" / "step-000007"
    assert {p.name for p in last.iterdir()} == {p.name for p in other.iterdir()}
    for part in ("towers", "optimizer", "adversary", "adversary_optimizer", "watch", "random"):
        assert same(last / f"{part}.safetensors", other / f"{part}.safetensors"), part
    assert {p.suffix for p in stopped.rglob("*") if p.is_file()} <= {
        ".md",
        ".safetensors",
        ".json",
        ".jsonl",
        ".yaml",
    }
    train(config(small_cohort), out=stopped, resume=True, say=said.append)
    assert said[-1] == f"{stopped}: this run is finished"


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_serves(
    whole: Path, stopped: Path, small_cohort: Path
) -> None:
    damaged = stopped / "checkpoints" / "step-000004" / "towers.safetensors"
    os.truncate(damaged, 100)
    said: list[str] = []
    train(config(small_cohort), out=stopped, resume=True, say=said.append)
    assert str(damaged) in said[0]
    assert said[1] == "going on after step 3"
    assert log_of(stopped) == log_of(whole)
    assert same(
        stopped / "model" / "open_clip_model.safetensors", whole / "model" / "open_clip_model.safetensors"
    )


def test_without_any_whole_checkpoint_it_is_refused(stopped: Path, small_cohort: Path) -> None:
    for path in checkpoints(stopped / "checkpoints"):
        os.truncate(path / "manifest.json", 5)
    with pytest.raises(DataError, match=r"step-000004/manifest.json.*step-000003/manifest.json.*--force"):
        train(config(small_cohort), out=stopped, resume=True)


def test_another_configuration_or_cohort_is_refused_with_the_difference(
    stopped: Path, small_cohort: Path, tmp_path: Path
) -> None:
    changed = config(small_cohort, train__lr=0.5, objective__update="alternating")
    with pytest.raises(ConfigError) as error:
        train(changed, out=stopped, resume=True)
    assert "objective.update: then reversal, now alternating" in str(error.value)
    assert "train.lr: then 0.002, now 0.5" in str(error.value)
    other = synth(tmp_path / "other", n_train=120, n_test=120, seed=8)
    with pytest.raises(ConfigError, match=r"cohort.manifest_sha256: then \w+\.\.\., now"):
        train(config(other), out=stopped, resume=True)
    with pytest.raises(ConfigError, match="choose one"):
        train(config(small_cohort), out=stopped, resume=True, force=True)
    with pytest.raises(DataError, match="--resume"):
        train(config(small_cohort), out=stopped)


def test_the_command_line_exits_130_and_says_how_to_go_on(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from adfair.training.watch import Watch

    step, seen = Watch.step, []

    def interrupting(self, *args, **keys):
        seen.append(args[0])
        if args[0] == 1:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)  # a launcher passes on what the terminal has sent as well
        return step(self, *args, **keys)

    monkeypatch.setattr(Watch, "step", interrupting)
    (tmp_path / "c.yaml").write_text(config(small_cohort).to_yaml())
    assert command(["train", str(tmp_path / "c.yaml"), "--out", str(tmp_path / "run")]) == 130
    assert "stopped after step 2, which is saved; go on with --resume" in capsys.readouterr().err
    assert seen == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "the handler is given back"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_fails_ends_the_run_and_leaves_the_checkpoint_before(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    sync, saved = os.fsync, tmp_path / "run" / "checkpoints" / "step-000003" / "manifest.json"

    def failing(handle: int) -> None:
        if saved.exists():
            raise OSError(code, os.strerror(code))
        sync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(TrainingError, match=rf"{os.strerror(code)}.*--resume"):
        train(config(small_cohort), out=tmp_path / "run")
    assert [p.name for p in checkpoints(tmp_path / "run" / "checkpoints")] == ["step-000003"]
    assert not (tmp_path / "run" / "model").exists()


def test_other_towers_of_the_same_file_are_refused(small_cohort: Path, tmp_path: Path) -> None:
    towers = tmp_path / "towers.json"
    towers.write_text(json.dumps(model_config("tiny")))
    asked = config(small_cohort, model__config=towers)
    with pytest.raises(Stopped):
        train(asked, out=tmp_path / "run", progress=stop_at(2))
    changed = model_config("tiny")
    changed["text_cfg"]["heads"] = 2
    towers.write_text(json.dumps(changed))
    with pytest.raises(ConfigError, match="towers: then"):
        train(asked, out=tmp_path / "run", resume=True)
