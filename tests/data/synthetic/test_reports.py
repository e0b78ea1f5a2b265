import re

import numpy as np
import pytest

from adfair.data.synthetic.population import People, balanced, natural
from adfair.data.synthetic.presets import FINDINGS, PRESETS, RACES, Preset
from adfair.data.synthetic.reports import reported, write_reports

PERSON = re.compile(r"\b(Asian|Black|White|woman|man|female|male|aged?|year old)\b", re.I)
NAMED = {
    "Atelectasis": "atelectasis",
    "Cardiomegaly": "cardiomegaly|cardiac enlargement",
    "Consolidation": "consolidation",
    "Edema": "edema",
    "Pleural Effusion": "effusion",
}
DENIED = re.compile(r"^(no|without|there is no)\b", re.I)


@pytest.fixture(scope="module")
def people() -> People:
    return balanced(np.random.default_rng(0), PRESETS["default"], 3000)


@pytest.fixture(scope="module")
def texts(people: People) -> list[str]:
    return write_reports(np.random.default_rng(1), people, people.present, mention=0.3)


def statements(text: str) -> dict[str, set[bool]]:
    """finding -> {True} affirmed, {False} denied, read back by rules that know nothing of the templates."""
    found: dict[str, set[bool]] = {}
    for sentence in text.split("."):
        for finding, pattern in NAMED.items():
            if re.search(pattern, sentence, re.I):
                found.setdefault(finding, set()).add(not DENIED.match(sentence.strip()))
    return found


def test_reports_say_what_is_there_and_deny_only_what_is_not(people: People, texts: list[str]) -> None:
    for row, text in enumerate(texts):
        read = statements(text)
        for f, finding in enumerate(FINDINGS):
            if people.present[row, f]:
                assert read.get(finding) == {True}, text
            else:
                assert read.get(finding, {False}) == {False}, text


def test_a_share_names_demographics_and_scrubbing_empties_none(texts: list[str]) -> None:
    naming = [bool(PERSON.search(t)) for t in texts]
    assert np.mean(naming) == pytest.approx(0.3, abs=0.03)
    for text in texts:
        left = ".".join(s for s in text.split(".") if not PERSON.search(s))
        assert statements(left), text


def test_no_word_but_negation_belongs_to_one_class_alone(people: People, texts: list[str]) -> None:
    # The names of a finding stand in affirmations and in denials alike.
    for name in ("cardiac enlargement", "pulmonary edema", "airspace consolidation", "basilar atelectasis"):
        sentences = [s for t in texts for s in t.split(".") if name in s.lower()]
        denied = np.mean([bool(DENIED.match(s.strip())) for s in sentences])
        assert 0.2 < denied < 0.8, name


def test_under_reporting_omits_without_denying() -> None:
    preset = Preset(summary="", under_reporting=0.4, mention=0.0)
    people = natural(np.random.default_rng(2), preset, 20_000)
    stated = reported(np.random.default_rng(3), people, preset, faithful=False)
    black = people.race == RACES.index("Black")
    assert (stated <= people.present).all()
    assert (stated[~black] == people.present[~black]).all()
    assert stated[black].sum() / people.present[black].sum() == pytest.approx(0.6, abs=0.02)
    assert (reported(np.random.default_rng(3), people, preset, faithful=True) == people.present).all()
    omitted = people.present & ~stated
    texts = write_reports(np.random.default_rng(4), people, stated, mention=0.0)
    for row in np.flatnonzero(omitted.any(1))[:500]:
        read = statements(texts[row])
        assert not any(FINDINGS[f] in read for f in np.flatnonzero(omitted[row]))
