import random

import numpy as np
import torch

from adfair.training.randomness import own_randomness, random_state, set_random_state


def draws() -> tuple[float, float, float, float]:
    return torch.rand(()).item(), np.random.rand(), random.random(), random.gauss(0, 1)  # noqa: NPY002


def test_a_state_gives_the_same_draws_again() -> None:
    random.gauss(0, 1)  # Python keeps the second of a pair
    state = random_state()
    first = [draws(), draws()]
    set_random_state(state)
    assert [draws(), draws()] == first


def test_inside_the_seed_and_the_process_decide_and_the_caller_gets_its_own_back() -> None:
    before = random_state()
    outside = draws()
    set_random_state(before)
    found = []
    for seed, place in ((1, 0), (1, 0), (1, 1), (2, 0)):
        with own_randomness(seed, place):
            found.append(draws())
    assert found[0] == found[1]
    assert len(set(found)) == 3
    assert draws() == outside
