import itertools

import numpy as np
import pytest

from adfair.data.sentences import drawn_sentences, sentence_table, split_sentences


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ("Heart is large. No effusion.", ["Heart is large.", "No effusion."]),
        ("1. Edema is mild.\n2) No pneumothorax\n- Normal.", ["Edema is mild.", "No pneumothorax"]),
        ("A nodule of approx. 3 cm. It grew.", ["A nodule of approx. 3 cm.", "It grew."]),
        ("Normal.", ["Normal."]),
        ("", [""]),
    ],
)
def test_sentences(report: str, expected: list[str]) -> None:
    assert split_sentences(report) == expected


def test_each_distinct_sentence_is_kept_once() -> None:
    sentences, members, starts = sentence_table(["No edema. No mass.", "No mass.", "Big heart. No edema."])
    assert sentences == ["No edema.", "No mass.", "Big heart."]
    assert [members[a:b].tolist() for a, b in itertools.pairwise(starts)] == [[0, 1], [1], [2, 0]]


def test_draws_are_even_and_a_function_of_seed_and_step() -> None:
    _, members, starts = sentence_table(["A b. C d. E f.", "G h."])
    rows = np.repeat([0, 1], 6000)
    drawn = members[drawn_sentences(rows, starts, seed=1, step=2)]
    assert np.bincount(drawn[:6000]) == pytest.approx([2000] * 3, rel=0.06)
    assert set(drawn[6000:]) == {3}
    again = members[drawn_sentences(rows, starts, seed=1, step=2)]
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, members[drawn_sentences(rows, starts, seed=1, step=3)])
