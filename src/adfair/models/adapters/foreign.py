"""Settings inside checkpoints: plain dicts, or OmegaConf's objects read as inert data."""

from typing import Any

from adfair.models.safe_pickle import Inert

OMEGACONF = (
    "omegaconf.",
    "typing.Any",
    *(f"builtins.{n}" for n in ("dict", "list", "str", "int", "float", "bool")),
)
"""Names that pickled OmegaConf objects are made of."""
LIGHTNING = (
    "pytorch_lightning.callbacks.",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "argparse.Namespace",
    "collections.defaultdict",
    "pathlib.PosixPath",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "_codecs.encode",
)
"""Names in what Lightning saves beside the weights."""


def setting(tree: Any, path: str, default: Any = None) -> Any:
    """The plain value at ``a.b.c``; ``default`` where there is none or it is not a plain value."""
    for key in path.split("."):
        tree = _value(_entries(tree).get(key))
    return default if tree is None or isinstance(tree, Inert) else tree


def _entries(found: Any) -> dict[Any, Any]:
    """What a dict, a DictConfig (its ``_content``) or a dict-like object holds."""
    if isinstance(found, dict):
        return found
    if isinstance(found, Inert):
        content = found.__dict__.get("_content")
        return content if isinstance(content, dict) else found.items
    return {}


def _value(found: Any) -> Any:
    """An OmegaConf leaf's ``_val``."""
    if isinstance(found, Inert) and "_val" in found.__dict__:
        return found.__dict__["_val"]
    return found
