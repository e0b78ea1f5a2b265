"""Names of models that stand in folders of their own: short, each once, and never ``test``."""

import json
from pathlib import Path

from adfair.reporting.names import folder_names, shortest_ends


def evaluated(folder: Path, split: str = "test") -> Path:
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps({"split": split}), encoding="utf-8")
    return folder


def test_the_shortest_end_that_tells_apart() -> None:
    places = [Path("/r/a/x"), Path("/r/b/x"), Path("/r/b/y")]
    assert shortest_ends(places) == ["a/x", "b/x", "y"]
    assert shortest_ends(places, least=2) == ["a/x", "b/x", "b/y"]
    assert shortest_ends(places, taken={"y", "b/x"}) == ["a/x", "r/b/x", "b/y"]
    assert shortest_ends([Path("/r/x"), Path("/x")]) == ["r/x", "x"]
    assert shortest_ends([Path("/r/x")] * 2) == ["r/x", "r/x"]


def test_an_evaluation_in_a_folder_called_like_its_split_bears_the_name_of_the_run(tmp_path: Path) -> None:
    one, two = (evaluated(tmp_path / name / "test") for name in ("m1", "m2"))
    assert folder_names([one, two]) == ["m1", "m2"]
    assert folder_names([one]) == ["m1"]
    other = evaluated(tmp_path / "m3" / "val", "test")
    assert folder_names([other, two]) == ["val", "m2"]


def test_two_splits_of_one_run_keep_the_names_of_their_folders(tmp_path: Path) -> None:
    places = [evaluated(tmp_path / "m1" / split, split) for split in ("test", "val")]
    assert folder_names(places) == ["test", "val"]
    assert folder_names([tmp_path / "m1", places[0]]) == ["m1", "test"]
