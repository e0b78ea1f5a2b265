import math
from pathlib import Path

import pandas as pd
import pytest
import yaml

from adfair.config import Config
from adfair.errors import ConfigError
from adfair.models.card import BEGIN, CARD_FILE, NO_AUDIT, add_audit, escaped, model_card, note_correction

NASTY = "A|B<script>alert(1)</script>\n# [x](http://evil) `c` *d*"
FACTS = {
    "versions": {"torch": "2.9"},
    "cohort": {"name": NASTY, "manifest_sha256": "ab" * 32},
    "data": {
        "source": "made up",
        "licence": "",
        "findings": ["Edema", NASTY],
        "images": 1200,
        "patients": 900,
        "patients_by_group": {"race": {"Asian": 9, "Black": 0, "White": 891}},
    },
}


def config() -> dict:
    return Config().model_dump(mode="json")


def metrics(**changes: object) -> pd.DataFrame:
    row = {
        "metric": "equalized_odds_difference",
        "finding": "mean",
        "attribute": "race",
        "group": "",
        "stratum": "",
        "value": 0.1234,
        "ci_low": 0.1,
        "ci_high": 0.2,
        "expected_by_chance": 0.044,
        "note": "",
    }
    return pd.DataFrame([{**row, **changes}, {**row, "finding": "Edema", "value": 0.9}])


def test_the_card_has_front_matter_data_use_and_limits() -> None:
    card = model_card(config(), FACTS)
    _, front, body = card.split("---\n", 2)
    head = yaml.safe_load(front)
    assert head["library_name"] == "open_clip"
    assert head["pipeline_tag"] == "zero-shot-image-classification"
    assert "Not for clinical use" in body
    assert "1,200 images of 900 patients" in body
    assert "Licence: not stated" in body
    assert "| race | Asian | fewer than 10 |" in body
    assert "| race | Black | 0 |" in body
    assert "| race | White | 891 |" in body
    assert NO_AUDIT in body
    assert card == model_card(config(), FACTS)


def test_a_card_of_a_run_that_knows_less_says_less() -> None:
    card = model_card(config(), {"cohort": {"name": "old", "manifest_sha256": "cd"}})
    assert "trained on old" in card
    assert "Training split" not in card


def test_names_are_text_and_never_marks() -> None:
    card = model_card(config(), FACTS)
    assert "<script" not in card
    assert "\n# " not in card.partition("# AdFair-CLIP model")[2]
    assert "[x]" not in card
    assert escaped("a\nb|c") == "a b\\|c"


def test_an_audit_goes_in_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / CARD_FILE
    path.write_text(model_card(config(), FACTS))
    add_audit(tmp_path, metrics(), test_set="test", cohort="c")
    assert "equalized\\_odds\\_difference | race | 0.123 | 0.100 to 0.200 | 0.044 |" in path.read_text()
    assert NO_AUDIT not in path.read_text()
    assert "0.900" not in path.read_text()
    nothing = {"value": math.nan, "ci_low": "", "ci_high": "", "note": "no positives"}
    add_audit(tmp_path, metrics(**nothing), test_set="test", cohort="c")
    text = path.read_text()
    assert "| undefined |  | 0.044 | no positives |" in text
    assert "0.123" not in text
    assert text.count(BEGIN) == 1


def test_a_correction_is_said_and_its_old_audit_goes(tmp_path: Path) -> None:
    path = tmp_path / CARD_FILE
    path.write_text(model_card(config(), FACTS))
    add_audit(tmp_path, metrics(), test_set="test", cohort="c")
    note_correction(tmp_path, kind="leace", attributes=["race", "sex"])
    assert "corrected for race, sex by `leace`" in path.read_text()
    assert NO_AUDIT in path.read_text()
    assert "0.123" not in path.read_text()


def test_a_folder_without_our_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model card"):
        add_audit(tmp_path, metrics(), test_set="test", cohort="c")
    (tmp_path / CARD_FILE).write_text("my own words")
    with pytest.raises(ConfigError, match="no model card"):
        add_audit(tmp_path, metrics(), test_set="test", cohort="c")
    note_correction(tmp_path, kind="leace", attributes=["sex"])
    assert (tmp_path / CARD_FILE).read_text() == "my own words"
