"""The loop runs, is a plain CLIP loop without the marked lines, and these are fewer than 20."""

from pathlib import Path

import torch

SOURCE = (Path(__file__).parents[2] / "examples" / "own_loop.py").read_text()


def run(source: str, steps: int) -> tuple[float, dict]:
    names: dict = {"__name__": "own_loop"}
    exec(compile(source, "own_loop.py", "exec"), names)
    return names["main"](steps=steps, batch_size=8), names


def test_fewer_than_twenty_lines_are_added_and_without_them_it_is_a_plain_loop() -> None:
    lines = SOURCE.splitlines()
    plain = [line for line in lines if not line.endswith("# +")]
    assert 0 < len(lines) - len(plain) < 20
    text = "\n".join(plain)
    assert "adfair" not in text.partition('"""\n\nimport')[2]
    loss, names = run(text, 2)
    assert loss > 0
    assert "AdversarialTerm" not in names


def test_the_first_step_is_that_of_plain_clip_and_later_ones_are_not() -> None:
    plain = "\n".join(line for line in SOURCE.splitlines() if not line.endswith("# +"))
    torch.set_num_threads(1)
    assert run(SOURCE, 1)[0] == run(plain, 1)[0]
    assert run(SOURCE, 8)[0] != run(plain, 8)[0]
