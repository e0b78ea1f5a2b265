"""Plotly's script with the kinds of figures that our pages draw and none of the others: a quarter of its size.

The library holds maps, three-dimensional scenes and forty more kinds of figures, each a module that others call by
name. Registering only the kinds that are drawn leaves most modules without a caller; those are left out.
"""

import hashlib
import re
from functools import lru_cache

from plotly.offline import get_plotlyjs

CHECKED = frozenset({"3b6e15d45dbb7fca5bd2094291e961ddc5472cd887009e6009a56dab668d721f"})
"""SHA-256 of the scripts that may be shortened; any other is taken whole.

A script is added once the tests of the pages pass in a browser with it, and once an analysis of its scopes (such as
eslint-scope's) finds no name in the shortened script that the whole one declares and the shortened one does not.
"""
# Points and lines belong to the core; bars are the first of the kinds registered on top of it.
_KINDS = re.compile(r"\.register\(\[([\w$]+\(\))[\w$(),]*\]\)")
_MODULE = re.compile(r";var ([\w$]+)=W\((?:\([\w$,]*\)|[\w$]+)=>\{")
_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*")


@lru_cache(maxsize=1)
def library() -> str:
    """The script that a page is written with."""
    whole = get_plotlyjs()
    return shortened(whole) if hashlib.sha256(whole.encode("utf-8")).hexdigest() in CHECKED else whole


def shortened(script: str) -> str:
    """The script without the modules that neither its core nor the kind registered first comes to call.

    A module stays when a kept one so much as holds its name, be it in a text: too many stay rather than too few.
    """
    text, found = _KINDS.subn(r".register([\1])", script)
    heads = list(_MODULE.finditer(text))
    assert found == 1, "a script that is built otherwise has no place in CHECKED"
    ends = [*(head.start() for head in heads[1:]), len(text)]
    modules = {head[1]: text[head.start() : end] for head, end in zip(heads, ends, strict=True)}
    kept, waiting = set[str](), [next(reversed(modules))]
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += modules.keys() & set(_NAME.findall(modules[name]))
    return text[: heads[0].start()] + "".join(part for name, part in modules.items() if name in kept)
