"""Sentences say what the labels say, name no view, and depend on the image alone."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.data import text
from adfair.data.text import image_key, label_reports, label_sentences

FINDINGS = ["Pneumonia", "Pleural_Thickening", "Edema", "No Finding"]
PINNED = [
    "Abnormal study. Pleural thickening is absent. Pneumonia is present.",
    "Normal chest radiograph. Pneumonia is absent. Equivocal for edema.",
]
LABEL = st.sampled_from([1.0, 0.0, -1.0, np.nan])
VIEW_WORDS = re.compile(
    r"\b(ap|pa|lateral|frontal|view|supine|upright|portable|erect|man|woman|male|female|year)\b", re.I
)


@given(row=st.lists(LABEL, min_size=4, max_size=4), seed=st.integers(0, 2**64 - 1))
def test_every_statement_follows_from_a_label(row: list[float], seed: int) -> None:
    sentences = re.findall(r"[^.]+\.", label_sentences(np.array(row), FINDINGS, seed=seed))
    stated = [s.strip() for s in sentences]
    allowed = {}
    for name, value in zip(FINDINGS, row, strict=True):
        word = name.lower().replace("_", " ")
        for template in text._wordings(word).get(value, ()) if value == value else ():
            allowed[text._sentence(template, word)] = name
    if not allowed:
        assert stated == [text.NOTHING_STATED]
        return
    assert Counter(allowed[s] for s in stated).most_common(1)[0][1] == 1
    assert {n for n, v in zip(FINDINGS, row, strict=True) if v == v} == {allowed[s] for s in stated}


def test_no_wording_names_view_or_patient() -> None:
    for template in (
        *text.PRESENT, *text.ABSENT, *text.UNCERTAIN, *text.NORMAL, *text.ABNORMAL, *text.PERHAPS_NORMAL,
        text.NOTHING_STATED,
    ):  # fmt: skip
        assert not VIEW_WORDS.search(template)


def test_wordings_of_the_three_labels_are_disjoint() -> None:
    groups = [text.PRESENT, text.ABSENT, text.UNCERTAIN, text.NORMAL, text.ABNORMAL, text.PERHAPS_NORMAL]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_at_most_three_negations_and_all_positives() -> None:
    findings = [f"finding{i}" for i in range(10)]
    row = np.array([1.0] * 4 + [0.0] * 6)
    for seed in range(50):
        sentences = label_sentences(row, findings, seed=seed)
        named = {int(n) for n in re.findall(r"inding(\d)", sentences)}
        assert {0, 1, 2, 3} <= named
        assert len(named - {0, 1, 2, 3}) == text.MAX_NEGATIONS


def test_the_table_and_the_row_agree() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([1, 0, -1, np.nan], size=(40, 4))
    ids = [f"i{i}" for i in range(40)]
    texts = label_reports(labels, FINDINGS, image_ids=ids, seed=3)
    for row, image_id, sentence in zip(labels, ids, texts, strict=True):
        assert label_sentences(row, FINDINGS, seed=image_key(image_id, seed=3)) == sentence


def test_an_image_keeps_its_text_whatever_stands_around_it() -> None:
    labels = np.tile([1.0, 0.0, -1.0, 0.0], (20, 1))
    ids = [f"i{i}" for i in range(20)]
    texts = label_reports(labels, FINDINGS, image_ids=ids)
    assert label_reports(labels[::-2], FINDINGS, image_ids=ids[::-2]) == texts[::-2]
    assert label_reports(labels, FINDINGS, image_ids=ids, seed=1) != texts


def test_texts_are_pinned() -> None:
    """Changing them silently would change every model trained on label-derived text."""
    labels = np.array([[1, 0, np.nan, 0], [0, np.nan, -1, 1]], dtype=float)
    assert label_reports(labels, FINDINGS, image_ids=["a", "b"]) == PINNED


def test_paraphrases_are_about_equally_common() -> None:
    n = 5000
    texts = label_reports(np.ones((n, 1)), ["Edema"], image_ids=map(str, range(n)))
    counts = np.array(list(Counter(texts).values()))
    assert len(counts) == len(text.PRESENT)
    expected = n / len(counts)
    # Chi-square with 4 degrees of freedom: 18.5 is exceeded once in a thousand seeds; the ids are fixed.
    assert ((counts - expected) ** 2 / expected).sum() < 18.5


@pytest.mark.parametrize("position", [0, 1])
def test_order_is_shuffled(position: int) -> None:
    texts = label_reports(np.ones((200, 2)), ["Edema", "Mass"], image_ids=map(str, range(200)))
    first = sum(t.lower().find("edema") < t.lower().find("mass") for t in texts)
    assert 70 < (first if position == 0 else 200 - first) < 130
