"""The random number generators of a process: set by the seed, kept in checkpoints, given back to the caller."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

State = dict[str, Tensor]


def random_state() -> State:
    """The generators of torch (also the current GPU's), numpy and Python, as tensors."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    assert kind == "MT19937"
    version, words, gauss = random.getstate()
    assert version == 3
    state = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "numpy_rest": torch.tensor([position, has_gauss, cached], dtype=torch.float64),
        "python": torch.tensor(words, dtype=torch.int64),
        "python_rest": torch.tensor([float("nan") if gauss is None else gauss], dtype=torch.float64),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: State) -> None:
    """Go on from a ``random_state()``."""
    torch.set_rng_state(state["torch"])
    position, has_gauss, cached = state["numpy_rest"].tolist()
    np.random.set_state(  # noqa: NPY002
        ("MT19937", state["numpy"].numpy().astype(np.uint32), int(position), int(has_gauss), cached)
    )
    gauss = state["python_rest"].item()
    random.setstate((3, tuple(state["python"].tolist()), None if gauss != gauss else gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


@contextmanager
def own_randomness(seed: int, place: int) -> Iterator[None]:
    """Generators that depend on the seed and the process alone inside; the caller's are given back afterwards."""
    before = random_state()
    draws = np.random.SeedSequence([seed, place]).generate_state(3)
    torch.manual_seed(int(draws[0]))
    np.random.seed(draws[1])  # noqa: NPY002
    random.seed(int(draws[2]))
    try:
        yield
    finally:
        set_random_state(before)
