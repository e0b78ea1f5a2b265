"""``demo``: a synthetic cohort, plain CLIP and three remedies on it, all evaluated, compared and shown."""

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pandas as pd

from adfair import __version__
from adfair.auditing import compare
from adfair.config import Config, build_config
from adfair.data.staging import replace_file, staged_folder
from adfair.errors import ConfigError
from adfair.workflows.processes import end_with_parent, worker_context, worker_environment

ATTRIBUTES = ["race", "sex"]
PLAIN = ["objective.fairness=none", "objective.attributes=[]"]
MODELS = {
    "clip": PLAIN,
    "scrubbed_clip": [*PLAIN, "data.scrub_demographics=true"],
    "adfair": ["objective.fairness=adversarial", f"objective.attributes={ATTRIBUTES}"],
    "auto": ["objective.fairness=auto", f"objective.attributes={ATTRIBUTES}"],
}
"""What sets each model apart, in the order of the tables."""
TEST_SETS = {
    "test": ("zero_shot", "linear_probe", "leakage"),
    "test_reversed": ("zero_shot",),
    "test_5x90": ("zero_shot",),
}
Progress = Callable[[str, float], None]
_DONE, _TABLE, _WATCH_SECONDS = "demo.json", "comparison.csv", 0.5
_STARTED = ".adfair-demo"
"""The first file of a demonstration, so that one that was killed can be told from a folder of the user's."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a demonstration is."""

    n_train: int = 6000
    n_test: int = 3600
    steps: int = 900
    replicates: int = 1000


QUICK = Scale(n_train=300, n_test=300, steps=20, replicates=50)


def arm_config(model: str, *, cohort: Path, seed: int, scale: Scale) -> Config:
    """The configuration of one model: the defaults of ``config.py``, and what sets this model apart."""
    tree = {
        "seed": seed,
        "data": {"cohort": str(cohort)},
        "train": {"steps": scale.steps, "log_every": max(1, scale.steps // 100)},
    }
    return build_config(tree, MODELS[model])


def _run_arm(model: str, *, out: Path, seed: int, scale: Scale) -> None:
    """Train and evaluate one model in a process of its own, on one thread: the same bits on any machine size."""
    import torch

    from adfair.data.manifest import load_cohort
    from adfair.evaluation.subject import Subject
    from adfair.models.card import add_audit
    from adfair.models.dual_encoder import load_model
    from adfair.training import train
    from adfair.workflows.evaluate import Protocol, evaluate_split

    torch.set_num_threads(1)
    cohort_folder, run = out / "cohort", out / model
    train(arm_config(model, cohort=cohort_folder, seed=seed, scale=scale), out=run)
    subject = Subject(load_model(run / "model"), load_cohort(cohort_folder))
    how = Protocol(replicates=scale.replicates, seed=seed)
    for test_set, protocols in TEST_SETS.items():
        folder = result_folder(out, model, test_set)
        found = evaluate_split(subject, test_set, out=folder, protocols=protocols, how=how)
        if test_set == "test":
            add_audit(run / "model", found, test_set=test_set, cohort=subject.cohort.info.name)


def result_folder(out: Path, model: str, test_set: str) -> Path:
    """Where a model's tables of a test set are: the run folder for ``test``, below it for the others."""
    return out / model if test_set == "test" else out / model / test_set


def steps_done(log: Path) -> int:
    """How many steps the log of a run says are done; 0 without one. A last line that is half written does not count."""
    if not log.is_file():
        return 0
    *whole, _ = log.read_text(encoding="utf-8").split("\n")
    return json.loads(whole[-1])["step"] + 1 if whole else 0


def _watch(futures: Mapping[str, Future[None]], *, out: Path, scale: Scale, progress: Progress) -> None:
    """Report each model's share of steps until all are done; the first failure ends the rest."""
    while not all(future.done() for future in futures.values()):
        for model, future in futures.items():
            if future.done():
                future.result()
            progress(model, min(steps_done(out / model / "log.jsonl") / scale.steps, 0.99))
        time.sleep(_WATCH_SECONDS)
    for model, future in futures.items():
        future.result()
        progress(model, 1.0)


def _pool(processes: BaseContext) -> ProcessPoolExecutor:
    workers = max(1, min(len(MODELS), os.cpu_count() or 1))
    # A killed demonstration must not go on training beside the one that replaces it.
    return ProcessPoolExecutor(workers, mp_context=processes, initializer=end_with_parent)


def _train_and_evaluate(
    out: Path, processes: BaseContext, *, seed: int, scale: Scale, progress: Progress
) -> None:
    with _pool(processes) as pool:
        # Games take longest and begin first: a worker that waits at the end is a core not used.
        order = sorted(MODELS, key=lambda model: "objective.fairness=none" in MODELS[model])
        futures = {m: pool.submit(_run_arm, m, out=out, seed=seed, scale=scale) for m in order}
        try:
            _watch(futures, out=out, scale=scale, progress=progress)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def comparison(out: Path) -> pd.DataFrame:
    """All metrics of all models and test sets, the contents of ``comparison.csv``."""
    parts = []
    for model in MODELS:
        for test_set in TEST_SETS:
            table = pd.read_csv(result_folder(out, model, test_set) / "metrics.csv", keep_default_na=False)
            table.insert(0, "test_set", test_set)
            table.insert(0, "model", model)
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _require_sound(preset: str, *, seed: int, scale: Scale) -> None:
    """Refuse what would fail only when an earlier demonstration is gone. Raises ConfigError."""
    from adfair.data.synthetic import PRESETS

    if preset not in PRESETS:
        raise ConfigError(f"unknown preset '{preset}'; choose one of {', '.join(PRESETS)}")
    for model in MODELS:
        arm_config(model, cohort=Path("cohort"), seed=seed, scale=scale)


def _begin(out: Path, *, force: bool) -> None:
    """Make ``out`` a folder that holds the mark of a demonstration alone, instead of an earlier one with ``force``.

    Raises:
        DataError: ``out`` holds anything else, or a demonstration and ``force`` is not given.
    """
    # Versions without the mark are known by two of their files together: either name may be the user's.
    finished = all((out / name).is_file() for name in (_DONE, _TABLE))
    with staged_folder(out, force=force, what="demo", markers=[_STARTED, *[_DONE] * finished]) as staging:
        text = "Made by adfair demo, which replaces this folder when --force is given.\n"
        (staging / _STARTED).write_text(text, encoding="utf-8")


def demo(
    out: Path | str = "runs/demo",
    *,
    seed: int = 0,
    quick: bool = False,
    preset: str = "default",
    ceiling: bool = False,
    force: bool = False,
    progress: Progress = lambda stage, share: None,
) -> Path:
    """Run the whole demonstration.

    Args:
        out: folder for ``cohort/``, one run folder a model, ``comparison.csv`` and ``report.html``.
        seed: of the cohort, of the weights and of every draw.
        quick: a smoke run of seconds; its figures mean nothing.
        preset, ceiling: the synthetic population, see ``adfair.synth``.
        force: replace an earlier demonstration there.
        progress: called with a stage and the share of it that is done.

    Returns:
        The report.

    Raises:
        ConfigError, DataError: a wrong preset or seed, or ``out`` is taken; nothing has been touched then.
    """
    from adfair.data.synthetic import synth
    from adfair.reporting import report

    out, scale, began = Path(out), QUICK if quick else Scale(), time.perf_counter()
    _require_sound(preset, seed=seed, scale=scale)
    _begin(out, force=force)
    progress("cohort", 0.0)
    drawn: dict[str, Any] = {"preset": preset, "ceiling": ceiling, "seed": seed}
    with worker_environment():
        processes = worker_context()
        synth(out / "cohort", n_train=scale.n_train, n_test=scale.n_test, **drawn)
        progress("cohort", 1.0)
        _train_and_evaluate(out, processes, seed=seed, scale=scale, progress=progress)
    replace_file(out / _TABLE, comparison(out).to_csv(index=False).encode())
    paired = compare(
        [out / model for model in MODELS], attributes=ATTRIBUTES, replicates=scale.replicates, seed=seed
    )
    replace_file(out / "differences.csv", paired.table.to_csv(index=False).encode())
    flags = (" --quick" if quick else "") + (" --ceiling" if ceiling else "")
    facts = {
        "command": f"adfair demo --out {out} --seed {seed} --preset {preset}{flags}",
        "version": __version__,
        "synthetic": True,
        **drawn,
        "threshold": "youden, chosen on the validation split",
        "seconds": round(time.perf_counter() - began, 1),
        "scale": asdict(scale),
    }
    replace_file(out / _DONE, (json.dumps(facts, indent=2) + "\n").encode())
    return report([out], out=out / "report.html", title="AdFair-CLIP demonstration")
