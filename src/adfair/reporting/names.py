"""What a model is called whose figures stand in a folder of their own: by the folder, and by no more than is needed."""

from collections.abc import Collection, Sequence
from pathlib import Path

from adfair.reporting.records import read_json


def folder_names(folders: Sequence[Path], *, taken: Collection[str] = ()) -> list[str]:
    """A name for each of some absolute folders, none of them ``taken``.

    An evaluation in a folder called like its split (``RUN/test``) is named after the folder above it, where no other
    folder is.
    """
    shown = [_named_after(folder) for folder in folders]
    alone = [own if shown.count(path) > 1 else path for path, own in zip(shown, folders, strict=True)]
    return shortest_ends(alone, taken=taken)


def _named_after(folder: Path) -> Path:
    split = read_json(folder / "evaluation.json").get("split")
    return folder.parent if folder.name == split and folder.parent.name else folder


def shortest_ends(places: Sequence[Path], *, least: int = 1, taken: Collection[str] = ()) -> list[str]:
    """The shortest end of each absolute path, of ``least`` parts or more, that no other path has and none is ``taken``.

    Paths that are the same cannot be told apart: they are given whole.
    """

    def end(place: Path, parts: int) -> str:
        return "/".join(place.parts[1:][-parts:])

    out = []
    for place in places:
        lengths = range(least, len(place.parts))
        ends = ((n, [end(other, n) for other in places]) for n in lengths)
        alone = (n for n, all_of in ends if all_of.count(end(place, n)) == 1 and end(place, n) not in taken)
        out.append(end(place, next(alone, len(place.parts))))
    return out
