"""Shared fixtures: one small synthetic cohort and the real chest X-rays where they are at hand."""

import os
import signal
from pathlib import Path

import pytest

# Before anything imports torch: workers side by side that each use every core wait for one another most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


# A shell that starts the tests in the background has its jobs ignore SIGINT, and every test would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic cohort of 120 training images; read it, never change it."""
    from adfair.data.synthetic import synth

    return synth(tmp_path_factory.mktemp("cohort") / "small", n_train=120, n_test=120, seed=7)


@pytest.fixture(scope="session")
def pack() -> Path:
    """The folder of real chest X-rays named by PACK, or ../shared/cxr-pack; skips where there is none."""
    root = Path(__file__).parents[1]
    folder = Path(os.environ.get("PACK", root.parent / "shared" / "cxr-pack"))
    if not (folder / "manifest.csv").is_file():
        pytest.skip("the real chest X-rays are not here; set PACK to their folder")
    return folder


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Runs commands and keeps what they said, to search it for canaries."""
    from tests.canaries import Heard

    return Heard(capsys, monkeypatch)
