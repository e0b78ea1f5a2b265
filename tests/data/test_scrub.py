"""What goes, what stays, what is counted, and that no report is left empty."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.data.manifest import load_cohort
from adfair.data.scrub import count_demographics, find_demographics, scrub
from adfair.data.text import NOTHING_STATED

CASES = [  # text, what is left, words for (sex, race, age)
    ("58-year-old Black woman with cough.", "Patient with cough.", (1, 1, 1)),
    ("This Asian male has edema.", "This patient has edema.", (1, 1, 0)),
    ("The gentleman has edema.", "The patient has edema.", (1, 0, 0)),
    ("62 yo F presents with cough.", "Patient presents with cough.", (1, 0, 1)),
    ("58F with dyspnea.", "Patient with dyspnea.", (1, 0, 1)),
    ("34yof with chest pressure", "Patient with chest pressure", (1, 0, 1)),
    ("A 70 y/o African-American gentleman, s/p CABG", "A patient, s/p CABG", (1, 1, 1)),
    ("58 y.o. M with COPD. Edema.", "Patient with COPD. Edema.", (1, 0, 1)),
    ("58 yo WF with edema", "Patient with edema", (1, 1, 1)),
    ("An elderly smoker with emphysema.", "A smoker with emphysema.", (0, 0, 1)),
    ("Young Hispanic patient with fever", "Patient with fever", (0, 1, 1)),
    ("3 month old infant with cough", "Patient with cough", (0, 0, 2)),
    ("Opacities in elderly women.", "Opacities in patients.", (1, 0, 1)),
    ("___ year old man with pneumonia", "Patient with pneumonia", (1, 0, 1)),
    ("XXXX-year-old male, chest pain", "Patient, chest pain", (1, 0, 1)),
    ("58-year-old male chest pain", "Chest pain", (1, 0, 1)),
    ("[**Age over 90 **] year old woman with edema", "Patient with edema", (1, 0, 1)),
    ("Fifty-eight-year-old man with edema", "Patient with edema", (1, 0, 1)),
    ("Patient in her sixties with cough.", "Patient with cough.", (0, 0, 1)),
    ("A smoker in his mid-seventies, coughing.", "A smoker, coughing.", (0, 0, 1)),
    ("Patient in her mid-fifties with cough.", "Patient with cough.", (0, 0, 1)),
    ("Patient in his nineties with edema", "Patient with edema", (0, 0, 1)),
    ("A woman in the 80s with edema", "A patient with edema", (1, 0, 1)),
    ("Patient in the late 80s with edema", "Patient with edema", (0, 0, 1)),
    ("6-month-old with cough.", "Patient with cough.", (0, 0, 1)),
    ("2 week old with respiratory distress.", "Patient with respiratory distress.", (0, 0, 1)),
    ("3-day-old, born at 26 weeks.", "Patient, born at 26 weeks.", (0, 0, 1)),
    ("Age/Sex: 58/F. Lungs clear.", "Lungs clear.", (1, 0, 1)),
    ("Sex/Age: M/XXXX. Lungs clear.", "Lungs clear.", (1, 0, 1)),
    ("Patient age/sex 65/M, chest pain.", "Patient, chest pain.", (1, 0, 1)),
    ("72F c/o chest pain.", "Patient c/o chest pain.", (1, 0, 1)),
    ("A 72F with distal radius fracture.", "A patient with distal radius fracture.", (1, 0, 1)),
    ("58-year-old long-term smoker.", "Long-term smoker.", (0, 0, 1)),
    ("In her 60s, history of asthma", "History of asthma", (0, 0, 1)),
    ("The patient is 58 years old and has cough.", "The patient has cough.", (0, 0, 1)),
    ("Edema; she coughs, her lungs are clear.", "Edema; the patient coughs, the patient's lungs are clear.", (2, 0, 0)),
    ("Mr. XXXX was told.", "The patient was told.", (1, 0, 0)),
    ("Burmese male has edema", "Patient has edema", (1, 1, 0)),
    ("Sex: F. Race: White. Age: 58. Lungs clear.", "Lungs clear.", (1, 1, 1)),
    ("The patient is white. Lungs clear.", "Lungs clear.", (0, 1, 0)),
    ("Status post MVA. Male, 53 years.", "Status post MVA.", (1, 0, 1)),
    ("62 year old Black woman. No edema.", "No edema.", (1, 1, 1)),
    ("White male aged 40. No effusion.", "No effusion.", (1, 1, 1)),
    ("Edema.\n\n58 year-old, white, non-Hispanic female.", "Edema.", (1, 2, 1)),
    # How other hospitals write it
    ("60yo Black F with cough", "Patient with cough", (1, 1, 1)),
    ("60yo AA woman with CHF", "Patient with CHF", (1, 1, 1)),
    ("60yo Black with cough", "Patient with cough", (0, 1, 1)),
    ("60yo B/F with CHF", "Patient with CHF", (1, 1, 1)),
    ("White British male with cough", "Patient with cough", (1, 2, 0)),
    ("Race: Black or African American. Clear lungs.", "Clear lungs.", (0, 1, 0)),
    ("Ethnicity: Not Hispanic or Latino. Clear lungs.", "Clear lungs.", (0, 1, 0)),
    ("45Y/M with cough", "Patient with cough", (1, 0, 1)),
    ("45Yrs/F c/o fever", "Patient c/o fever", (1, 0, 1)),
    ("45/F fever", "Fever", (1, 0, 1)),
    ("INDICATION: 72F cough", "INDICATION: cough", (1, 0, 1)),
    ("AGE 45 YRS SEX M, cough", "Cough", (1, 0, 1)),
    ("A male aged about 45 years with cough", "A patient with cough", (1, 0, 1)),
]  # fmt: skip
KEPT = [
    "White lung, black blood. White-out of the left lung; white count is up.",
    "Male catheter connector noted. A white female Luer hub.",
    "MR of the spine; MS plaques; MEN 2 and HER2. Bundle of His.",
    "14F chest tube in place. A 14 F pigtail ends at the base. Temperature 101 F.",
    "Age-indeterminate fracture; old rib fracture; 3 month old rib fracture; 5 year old film.",
    "Child-Pugh B. Women's hospital. Lady Windermere syndrome. Man-made implant. He/she agrees.",
    "Compared with 2 years ago. Given the patient's age, consider CT. Breast shadows, mastectomy.",
    "Saturation in the 80s. Heart rate in the 90s. Blood pressure in the 80s systolic. Into the 30s.",
    "Patient with ejection fraction in the 30s. Grafts placed in the nineties.",
    "Long-term smoker with emphysema. Short term patient.",
    "A 14F with tip in the SVC. Catheter: 12F with the side holes. Line 1: 12F, its distal tip in the atrium.",
    "Lead at the His position. The fracture is 6 weeks old with callus. 3 week old sternotomy.",
    "Adolescent idiopathic scoliosis; infant respiratory distress syndrome; child abuse is suspected. Temperature: 98F.",
    "An aa graft is in place. A 36F tube ends at the base; 12/5/2020; level T10/M. English text.",
    "Old granulomatous disease. Heart size is normal for age. Aged clips. Black pleura sign.",
]


@pytest.mark.parametrize(("text", "left", "counts"), CASES)
def test_what_names_a_group_goes(text: str, left: str, counts: tuple[int, int, int]) -> None:
    scrubbed = scrub([text])
    assert scrubbed.texts == [left]
    assert tuple(scrubbed.counts.iloc[0]) == counts
    assert tuple(count_demographics([text]).iloc[0]) == counts
    assert not scrubbed.emptied.any()
    assert scrub(scrubbed.texts).texts == [left]


@pytest.mark.parametrize("text", KEPT)
def test_clinical_words_stay(text: str) -> None:
    assert scrub([text]).texts == [text]
    assert find_demographics(text) == []


def test_places_are_without_the_article() -> None:
    text = "This is a 58-year-old woman; she coughs."
    assert [text[a:b] for a, b in find_demographics(text)] == ["58-year-old woman", "she"]


def test_a_report_of_nothing_else_gets_a_text_and_is_counted() -> None:
    scrubbed = scrub(["Woman.", "", "No edema.", "She is 58 years old."])
    assert scrubbed.texts == [NOTHING_STATED, "", "No edema.", NOTHING_STATED]
    assert scrubbed.emptied.tolist() == [True, False, False, True]
    expected = {"texts": 4, "changed": 2, "name_sex": 2, "name_race": 0, "name_age": 1, "emptied": 2}
    assert scrubbed.summary() == expected
    assert scrub([]).summary()["texts"] == 0


WORDS = st.sampled_from(
    re.split(
        "[|]",
        "a|an|the|58|year|old|-year-old|yo|F|M|white|black|Asian|woman|man|male|she|her|his|is|with|lung|edema|,|.|;|XXXX"
        "|___|age|aged|non-Hispanic|patient|İ|\n|in|60s|catheter|[**4**]|Mr.|Smith",
    )
)


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_text_comes_out_not_empty_and_counted_alike(text: str) -> None:
    scrubbed = scrub([text])
    assert bool(scrubbed.texts[0].strip()) == bool(text.strip())
    assert (scrubbed.counts == count_demographics([text])).all(axis=None)
    assert scrubbed.counts.any(axis=None) or scrubbed.texts == [text]
    assert not any(mark in scrubbed.texts[0] for mark in "\x01\x02")


def test_synthetic_reports_keep_all_but_the_sentence_about_the_person(small_cohort: Path) -> None:
    reports = load_cohort(small_cohort).table["report"].tolist()
    scrubbed = scrub(reports)
    named = scrubbed.counts.to_numpy() > 0
    assert 0.2 < named.any(axis=1).mean() < 0.4
    np.testing.assert_array_equal(named, np.repeat(named[:, :1], 3, axis=1))
    for before, after, person in zip(reports, scrubbed.texts, named[:, 0], strict=True):
        assert after == (before.partition(". ")[2] if person else before)
    assert not scrubbed.emptied.any()
