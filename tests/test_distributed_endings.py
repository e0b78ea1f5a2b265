"""Several processes: shares of a batch, and how all of them end when one fails or is stopped."""

import json
import os
from pathlib import Path

import pytest
import torch
from tests.gloo import run_together

from adfair.distributed import exchange, gather, share, together, world_size
from adfair.errors import DataError, TrainingError


def uneven(rows: int) -> dict[str, torch.Tensor]:
    torch.distributed.init_process_group("gloo")
    everyone = torch.arange(rows * 2.0, dtype=torch.float64).reshape(rows, 2).sin()
    mine = everyone[share(rows)].clone().requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    image, text, s = gather([mine, 2 * mine, scale], rows)
    (s * (image @ text.T).square().sum()).backward()
    assert torch.equal(image, everyone)
    return {"grad": mine.grad / world_size(), "scale": scale.grad, "sizes": torch.tensor(exchange(len(mine)))}  # type: ignore[operator,dict-item]


def test_uneven_shares_gather_in_order_with_the_right_gradient(tmp_path: Path) -> None:
    found = run_together(uneven, 11, world=3, folder=tmp_path)
    everyone = torch.arange(22.0, dtype=torch.float64).reshape(11, 2).sin().requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    (scale * (everyone @ (2 * everyone).T).square().sum()).backward()
    assert found[0]["sizes"].tolist() == [4, 4, 3]
    for each in found:
        torch.testing.assert_close(each["scale"], scale.grad, rtol=1e-12, atol=0)
    torch.testing.assert_close(torch.cat([f["grad"] for f in found]), everyone.grad, rtol=1e-12, atol=0)


def one_fails(kind: str) -> str:
    torch.distributed.init_process_group("gloo")
    try:
        with together():
            if torch.distributed.get_rank() == 1:
                raise DataError("row 3 is bad") if kind == "ours" else RuntimeError("secret report text")
    except (TrainingError, DataError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


@pytest.mark.parametrize("kind", ["ours", "other"])
def test_an_error_in_one_process_ends_all_with_its_reason(tmp_path: Path, kind: str) -> None:
    first, second = run_together(one_fails, kind, world=2, folder=tmp_path)
    if kind == "ours":
        assert (first, second) == (
            "TrainingError: process 1 stopped: row 3 is bad",
            "DataError: row 3 is bad",
        )
    else:
        assert first == "TrainingError: process 1 stopped: internal error (RuntimeError)"


def test_alone_nothing_happens() -> None:
    x = [torch.ones(2, 2), torch.ones(2, 2), torch.tensor(1.0)]
    assert gather(x, 2) is x
    assert share(7) == slice(0, 7)
    with pytest.raises(DataError), together():
        raise DataError("x")


def command_line(folder: Path, cohort: Path, fault: str) -> str:
    """``adfair train`` in this process; the second one is asked to stop, or fails, at step 2."""
    import io
    import signal
    import sys

    from adfair.cli.app import run as command
    from adfair.training.watch import Watch

    step = Watch.step

    def faulty(self, number, *rest):
        if number == 2 and os.environ["RANK"] == "1" and fault == "stop":
            os.kill(os.getpid(), signal.SIGTERM)
        if number == 2 and os.environ["RANK"] == "1" and fault == "fail":
            raise MemoryError("what a patient's report says")
        return step(self, number, *rest)

    Watch.step = faulty  # type: ignore[method-assign]
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    keys = {"data.cohort": cohort, "data.batch_size": 25}
    keys |= {"train.steps": 4, "train.checkpoint_every": 3, "train.select": "last"}
    (folder / "c.yaml").write_text("{}")
    sets = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
    code = command(["train", str(folder / "c.yaml"), *sets, "--out", str(folder / "run"), "--resume"])
    return f"{code} {sys.stderr.getvalue()}"


def test_a_signal_to_one_process_saves_all_and_the_run_goes_on(tmp_path: Path, small_cohort: Path) -> None:
    for each in run_together(command_line, tmp_path, small_cohort, "stop", world=2, folder=tmp_path):
        assert each.startswith("130 ")
        assert "stopped after step 3, which is saved" in each
    first, second = run_together(command_line, tmp_path, small_cohort, "", world=2, folder=tmp_path)
    assert first.startswith("0 going on after step 3")
    assert second.startswith("0")
    log = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log == [0, 3]
    assert (tmp_path / "run" / "model").is_dir()


def test_a_process_that_fails_ends_the_other_with_its_reason(tmp_path: Path, small_cohort: Path) -> None:
    first, second = run_together(command_line, tmp_path, small_cohort, "fail", world=2, folder=tmp_path)
    assert first.startswith("2 ")
    assert "process 1 stopped: internal error (MemoryError)" in first
    assert second.startswith("1 internal error (MemoryError)")
    assert "patient" not in first + second
