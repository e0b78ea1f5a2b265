"""From predictions with one planted unfairness to the words on the page."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import audit
from adfair.reporting.sources import read_sources
from adfair.reporting.verdict import verdict


def scored(*, shift: float = 0.0, scale: float = 1.0, noise: float = 0.12, seed: int = 0) -> pd.DataFrame:
    """Two findings of 1,200 images; the first is scored lower in the last of the groups by ethnicity."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(1200)],
            "patient_id": [f"p{k // 2}" for k in range(1200)],
            "sex": np.repeat(rng.choice(["F", "M"], 600), 2),
            "ethnic_group": np.repeat(rng.choice(["A", "B", "C", ""], 600, p=[0.4, 0.3, 0.27, 0.03]), 2),
        }
    )
    parts = []
    for finding, moved in (("Pneumonia", shift), ("Edema", 0.0)):
        label = rng.integers(0, 2, len(people))
        score = np.clip(0.35 + 0.3 * label + rng.normal(0, noise, len(people)), 0, 1)
        score = np.clip(score - moved * (people["ethnic_group"] == "C"), 0.02, 1) * scale
        parts.append(people.assign(finding=finding, label=label, score=score))
    return pd.concat(parts, ignore_index=True)


def folder_of(table: pd.DataFrame, folder: Path) -> Path:
    audit(table, attributes=["sex", "ethnic_group"], threshold=0.5, replicates=300).save(folder)
    table.to_csv(folder / "predictions.csv", index=False)
    return folder


def test_the_attribute_with_the_planted_gap_leads_wherever_its_column_stands(tmp_path: Path) -> None:
    data = read_sources([folder_of(scored(shift=0.2), tmp_path / "audit")])
    found = verdict(data)
    assert data.attributes == ("ethnic_group", "sex")
    assert found.headline == "audit: a gap between ethnic groups beyond chance"
    assert found.tone == "mixed"
    assert "adjusted" in found.sentences[0]
    assert "of the ethnic groups, " in found.sentences[1]
    assert "Unknown" not in found.sentences[1]
    watch = " ".join(found.watch)
    assert "Between ethnic groups it is widest for Pneumonia" in watch
    assert "Between sex groups it is" in watch
    assert "not beyond chance" in watch


def test_where_nothing_is_planted_no_gap_is_claimed_for_any_attribute(tmp_path: Path) -> None:
    found = verdict(read_sources([folder_of(scored(seed=4), tmp_path / "audit")]))
    assert "no gap between" in found.headline
    assert "sex groups" in found.headline
    assert "ethnic groups" in found.headline
    assert found.tone == "neutral"


def test_scores_in_per_cent_at_a_threshold_of_a_half_give_no_clean_bill(tmp_path: Path) -> None:
    found = verdict(read_sources([folder_of(scored(shift=0.2, scale=100), tmp_path / "audit")]))
    assert found.headline == "audit: a threshold that tells no images apart"
    assert found.tone == "mixed"
    assert any("all images on one side for every finding" in note for note in found.watch)


def test_what_the_audit_wrote_down_is_on_the_page(tmp_path: Path) -> None:
    facts = read_sources([folder_of(scored(), tmp_path / "audit")]).facts
    assert (facts["images"], facts["patients"], facts["threshold_origin"]) == (1200, 600, "given")
    assert facts["replicates"] == 300
    both = read_sources([folder_of(scored(), tmp_path / "a"), folder_of(scored(scale=0.9), tmp_path / "b")])
    assert both.facts["images"] == 1200


@pytest.mark.parametrize("noise", [0.12, 0.02])
def test_two_audits_of_the_same_images_are_compared_in_pairs(tmp_path: Path, noise: float) -> None:
    before, after = scored(shift=0.2), scored(shift=0.2, noise=noise)
    after["label"] = before["label"]
    if noise < 0.1:
        after["score"] = 0.35 + 0.3 * after["label"]
    data = read_sources([folder_of(before, tmp_path / "a"), folder_of(after, tmp_path / "b")])
    assert len(data.differences)
    found = verdict(data)
    expected = "at higher accuracy" if noise < 0.1 else "with no clear change of accuracy"
    assert expected in found.headline
    assert "overlapping" not in " ".join(found.sentences)


def test_audits_of_other_images_are_not_paired(tmp_path: Path) -> None:
    other = scored(seed=1)
    other["image_id"] = "x" + other["image_id"]
    data = read_sources([folder_of(scored(), tmp_path / "a"), folder_of(other, tmp_path / "b")])
    assert not len(data.differences)
