"""One run: post-hoc remedies, what is kept of it, and what its failures say."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from adfair.data.manifest import load_cohort
from adfair.evaluation.subject import Subject
from adfair.workflows import evaluate as evaluation
from adfair.workflows import sweep_work
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_run import Run
from adfair.workflows.sweep_state import failure, state
from adfair.workflows.sweep_work import perform

Write = Callable[..., Path]
ARMS = {
    "clip": {"objective.fairness": "none"},
    "leace": {"after": "clip", "erase": "leace"},
    "adapter": {"after": "clip", "adapt": {"steps": 3, "attributes": ["sex"]}},
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict]]:
    """Training, remedies and evaluation that only write what the real ones would; gives their calls."""
    seen: list[tuple[str, dict]] = []

    def train(config: object, *, out: Path) -> None:
        seen.append(("train", {"out": out}))
        for name in ("model", "checkpoints"):
            (out / name).mkdir(parents=True)

    def remedy(name: str) -> Callable[..., Path]:
        def treat(model: Path, *, out: Path, **settings: object) -> Path:
            seen.append((name, {"model": model, **settings}))
            shutil.copytree(model, out, ignore=shutil.ignore_patterns("done.json", "test"))
            return out

        return treat

    def evaluate_split(subject: Subject, split: str, *, out: Path, **settings: object) -> None:
        patients = set(subject.cohort.split("val")["patient_id"])
        seen.append(
            ("evaluate", {"model": subject.model.folder, "split": split, "val": patients, **settings})
        )
        out.mkdir(exist_ok=True)
        (out / "embeddings.npz").touch()

    posthoc = SimpleNamespace(erase=remedy("erase"), adapt=remedy("adapt"))
    monkeypatch.setitem(sys.modules, "adfair.workflows.posthoc", posthoc)  # type: ignore[arg-type]
    monkeypatch.setattr("adfair.training.train", train)
    monkeypatch.setattr(
        "adfair.models.dual_encoder.load_model", lambda folder: SimpleNamespace(folder=folder, square=abs)
    )
    monkeypatch.setattr(evaluation, "evaluate_split", evaluate_split)
    monkeypatch.setattr("torch.set_num_threads", lambda n: None)
    return seen


@pytest.fixture
def runs(write: Write, tmp_path: Path) -> dict[str, Run]:
    tests = {"test": ["zero_shot", "leakage"], "test_reversed": ["zero_shot"]}
    plan = plan_sweep(write(arms=ARMS, seeds=[4], test_sets=tests, replicates=9), out=tmp_path / "o")
    return {run.arm: run for run in plan.runs}


def test_remedies_work_on_the_finished_arm(runs: dict[str, Run], calls: list, small_cohort: Path) -> None:
    for run in runs.values():
        perform(run)
        assert state(run) == "finished"
    found = {name: more for name, more in calls if name in ("erase", "adapt")}
    shared = {"model": runs["clip"].folder, "data": small_cohort, "seed": 4}
    assert found["erase"] == shared | {"method": "leace", "attributes": ["race", "sex"]}
    assert found["adapt"] == shared | {"steps": 3, "attributes": ["sex"]}


def test_every_test_set_is_evaluated_as_asked(runs: dict[str, Run], calls: list) -> None:
    perform(runs["clip"])
    found = [more for name, more in calls if name == "evaluate"]
    assert [(more["split"], more["protocols"]) for more in found] == [
        ("test", ["zero_shot", "leakage"]),
        ("test_reversed", ["zero_shot"]),
    ]
    assert found[0]["how"] == evaluation.Protocol(validation="val", replicates=9, seed=4)
    assert found[0]["model"] == runs["clip"].folder / "model"


def test_patients_of_a_balanced_test_set_choose_no_threshold(
    write: Write, calls: list, small_cohort: Path, tmp_path: Path
) -> None:
    aside = sorted(set(load_cohort(small_cohort).split("val")["patient_id"]))[:5]
    (tmp_path / "list.csv").write_text("\n".join(["patient_id", *aside]) + "\n")
    arms = {"clip": {"objective.fairness": "none", "data.exclude_patients": [str(tmp_path / "list.csv")]}}
    (run,) = plan_sweep(
        write(arms=arms, seeds=[4], test_sets={"test": ["zero_shot"]}), out=tmp_path / "o"
    ).runs
    perform(run)
    (seen,) = [more["val"] for name, more in calls if name == "evaluate"]
    assert seen
    assert not seen & set(aside)


def test_only_models_that_others_start_from_are_kept(runs: dict[str, Run], calls: list) -> None:
    for run in runs.values():
        perform(run)
    assert (runs["clip"].folder / "model").is_dir()
    for arm in ("leace", "adapter"):
        names = [path.name for path in runs[arm].folder.rglob("*")]
        assert not {"model", "checkpoints", "embeddings.npz"} & set(names)
    perform(dataclasses.replace(runs["leace"], keep_model=True))
    assert (runs["leace"].folder / "model").is_dir()


def test_a_remedy_without_its_arm_fails_with_that_reason(runs: dict[str, Run], calls: list) -> None:
    perform(runs["leace"])
    assert failure(runs["leace"]) == "'clip', which it comes after, has no result"
    assert calls == []


def test_a_fault_of_ours_is_recorded_without_its_text(
    runs: dict[str, Run], calls: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Run) -> None:
        raise RuntimeError("text of a patient")

    monkeypatch.delenv("ADFAIR_DEBUG", raising=False)
    monkeypatch.setattr(sweep_work, "_evaluate", broken)
    perform(runs["clip"])
    assert failure(runs["clip"]) == "internal error (RuntimeError)"
    assert "patient" not in (runs["clip"].folder / "failed.json").read_text()
    monkeypatch.setenv("ADFAIR_DEBUG", "1")
    with pytest.raises(RuntimeError):
        perform(runs["clip"])


def test_the_mark_holds_the_hashes_and_what_was_hashed(runs: dict[str, Run], calls: list) -> None:
    perform(runs["clip"])
    done = json.loads((runs["clip"].folder / "done.json").read_text())
    assert done["identity"] == runs["clip"].identity
    assert len(done["config_hash"]) == len(done["cohort_hash"]) == 64
    assert done["manifest_sha256"] == done["identity"]["cohort"]["manifest_sha256"]
