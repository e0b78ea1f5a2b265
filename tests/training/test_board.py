from pathlib import Path

import pytest

from adfair.errors import MissingExtraError
from adfair.training import board
from adfair.training.board import Board, figures


def test_every_number_has_a_name_of_its_own() -> None:
    entry = {
        "step": 9,
        "infonce": 4,
        "adversary_loss": {"image:race": 0.5},
        "validation": {"leakage": {"sex": 0.6}},
    }
    found = dict(figures({**entry, "rule": "last", "fine": True}))
    assert found == {"infonce": 4.0, "adversary_loss/image:race": 0.5, "validation/leakage/sex": 0.6}


def test_entries_reach_the_writer_and_the_folder_is_made_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    seen: list[tuple] = []

    class Writer:
        def __init__(self, folder: str, *, purge_step: int) -> None:
            seen.append(("open", folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            seen.append((name, value, step))

        def add_text(self, name: str, text: str, step: int) -> None:
            seen.append((name, text, step))

        def close(self) -> None:
            seen.append(("close",))

    fake = type("module", (), {"SummaryWriter": Writer})
    monkeypatch.setattr(board, "find_spec", lambda name: object())
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", fake)
    shown = Board(tmp_path / "run")
    assert seen == []
    shown({"step": 200, "infonce": 2.0})
    shown({"step": 201, "warning": "collapse", "reason": "stuck", "remedy": "less"})
    shown.close()
    assert seen == [
        ("open", str(tmp_path / "run" / "tensorboard"), 200),
        ("infonce", 2.0, 200),
        ("warning", "collapse: stuck", 201),
        ("close",),
    ]


def test_without_the_extra_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install '.\[track\]'"):
        Board(tmp_path)


@pytest.mark.filterwarnings("ignore")  # tensorboard's own
def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    shown = Board(tmp_path)
    shown({"step": 7, "validation": {"leakage": {"sex": 0.75}}})
    shown.close()
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("validation/leakage/sex")
    assert [(each.step, each.value) for each in found] == [(7, 0.75)]
