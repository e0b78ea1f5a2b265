"""What the process of one run does: train or treat a model, evaluate it, keep the tables, say that it is done."""

import os
import shutil
import time
from importlib import import_module

from adfair.data.schema import read_info
from adfair.errors import AdfairError, DataError
from adfair.workflows.demo import result_folder
from adfair.workflows.sweep_run import Run
from adfair.workflows.sweep_state import DONE_FILE, write_done, write_failed


def perform(run: Run) -> None:
    """Make a run from the start and mark it as done, or record why it failed.

    A failure that is not one of ours is recorded by its kind alone, since its text may quote data;
    ADFAIR_DEBUG=1 lets it out.
    """
    began = time.perf_counter()
    if run.folder.exists():
        # First the mark, so that a kill in between leaves nothing that looks finished.
        (run.folder / DONE_FILE).unlink(missing_ok=True)
        shutil.rmtree(run.folder)
    try:
        _make(run)
        _evaluate(run)
        _drop(run)
        seconds = round(time.perf_counter() - began, 1)
        write_done(run, {"manifest_sha256": read_info(run.data.folder).manifest_sha256, "seconds": seconds})
    except AdfairError as error:
        write_failed(run, str(error))
    except Exception as error:
        write_failed(run, f"internal error ({type(error).__name__})")
        if os.environ.get("ADFAIR_DEBUG"):
            raise


def _make(run: Run) -> None:
    import torch

    from adfair.training import train

    torch.set_num_threads(1)
    if run.post_hoc is None:
        train(run.config, out=run.folder)
        return
    assert run.after is not None
    if not (run.after.folder / DONE_FILE).is_file():
        raise DataError(f"'{run.after.arm}', which it comes after, has no result")
    remedy = getattr(import_module("adfair.workflows.posthoc"), run.post_hoc.workflow)
    remedy(run.after.folder, data=run.data.folder, out=run.folder, seed=run.seed, **run.settings)


def _evaluate(run: Run) -> None:
    from adfair.data.exclusion import without_excluded
    from adfair.data.manifest import load_cohort
    from adfair.evaluation.subject import Subject
    from adfair.models.dual_encoder import load_model
    from adfair.workflows.evaluate import Protocol, evaluate_split, model_folder

    # Listed patients are those of a balanced test set: they teach no probe and choose no threshold.
    cohort, _ = without_excluded(load_cohort(run.data.folder), run.config.data.exclude_patients)
    subject = Subject(load_model(model_folder(run.folder)), cohort)
    validation = "val" if "val" in run.data.splits else None
    how = Protocol(validation=validation, replicates=run.replicates, seed=run.seed)
    for test_set, protocols in run.test_sets.items():
        out = result_folder(run.folder.parent, run.folder.name, test_set)
        evaluate_split(subject, test_set, out=out, protocols=protocols, how=how)


def _drop(run: Run) -> None:
    """Remove what only more work on the model would need; the tables, the log and the settings stay."""
    if run.keep_model:
        return
    for name in ("model", "checkpoints"):
        shutil.rmtree(run.folder / name, ignore_errors=True)
    for embeddings in run.folder.rglob("embeddings.npz"):
        embeddings.unlink()
