"""Small counts in published tables: neither printed, nor to be worked out from what is printed."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import audit
from adfair.auditing.result import Audit
from adfair.auditing.suppression import suppress_curves

LEAST = 10


def _cohort(groups: dict[str, tuple[int, int]], *, second: bool = False, seed: int = 0) -> pd.DataFrame:
    """Groups of (patients, of them positive for Edema); Mass, when asked for, is positive in every other one."""
    rng = np.random.default_rng(seed)
    rows = [
        {"race": name, "label_Edema": int(i < positive), "label_Mass": i % 2}
        for name, (size, positive) in groups.items()
        for i in range(size)
    ]
    frame = pd.DataFrame(rows).replace({"race": {"": None}})
    frame["patient_id"] = frame["image_id"] = [f"p{i}" for i in range(len(frame))]
    for finding in ("Edema", "Mass"):
        frame[f"score_{finding}"] = np.clip(
            0.3 * frame[f"label_{finding}"] + 0.6 * rng.random(len(frame)), 0, 1
        )
    return frame if second else frame.drop(columns=["label_Mass", "score_Mass"])


def _suppressed(frame: pd.DataFrame, **options: object) -> Audit:
    return audit(
        frame, replicates=20, permutations=20, suppress_small=True, min_group=LEAST, threads=1, **options
    )


def _rows(result: Audit, **keys: str) -> pd.DataFrame:
    table = result.table
    for name, value in keys.items():
        table = table[table[name] == value]
    assert len(table)
    return table


def test_a_group_with_few_positives_is_blank_and_so_is_what_would_give_it_away() -> None:
    result = _suppressed(_cohort({"A": (60, 30), "B": (60, 25), "C": (60, 5)}, second=True))
    small = _rows(result, attribute="race", group="C", finding="Edema")
    assert small["value"].isna().all()
    assert small["n_positive"].isna().all()
    assert set(small["note"]) == {"suppressed: a count below 10"}
    for finding in ("Edema", "mean"):
        gaps = _rows(result, attribute="race", group="", finding=finding)
        assert gaps["value"].isna().all()
        assert gaps["note"].str.startswith("suppressed: ").all()
        assert _rows(result, group="A-C", finding=finding)["value"].isna().all()
        # The others keep their figures but not their counts, or 60 positives less theirs would be C's.
        others = _rows(result, attribute="race", group="A", finding=finding)
        assert others["n_positive"].isna().all()
        assert others["value"].notna().any()
    assert _rows(result, group="C", finding="mean")["value"].isna().all()
    assert _rows(result, group="C", finding="Mass", metric="auc")["value"].notna().all()
    assert _rows(result, group="", attribute="race", finding="Mass", metric="auc_gap")["value"].notna().all()


def test_a_group_taken_out_cannot_be_found_by_subtraction() -> None:
    result = _suppressed(_cohort({"A": (60, 30), "B": (60, 25), "Rare": (4, 2)}))
    assert "Rare" not in set(result.table["group"])
    assert _rows(result, attribute="race")["n"].isna().all()
    assert result.facts["unknown"] == {"race": None}
    assert "4 unknown" not in result.to_json()


@pytest.mark.parametrize(("unknown", "shown"), [(4, None), (40, 40)])
def test_a_few_of_unknown_group_are_not_counted_aloud(unknown: int, shown: int | None) -> None:
    result = _suppressed(_cohort({"A": (60, 30), "B": (60, 25), "": (unknown, unknown // 2)}))
    assert result.facts["unknown"] == {"race": shown}


def test_a_small_stratum_and_a_rare_finding_are_blank_for_everyone_too() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)}, second=True)
    frame["view"] = ["AP"] * 3 + ["PA"] * 117
    frame["label_Mass"] = 0
    frame.loc[:2, "label_Mass"] = 1
    result = _suppressed(frame, strata=["view"], attributes=["race"])
    assert "view=AP" not in set(result.table["stratum"])
    assert "view AP: suppressed, fewer than 10 patients" in result.notes
    # Less the other stratum the total would give the small one away.
    assert _rows(result, stratum="view=PA")["n"].isna().all()
    assert _rows(result, stratum="view=PA", finding="Edema", metric="auc")["value"].notna().all()
    rare = _rows(result, finding="Mass", attribute="", stratum="")
    assert rare["value"].isna().all()
    assert rare["n_positive"].isna().all()
    assert _rows(result, finding="mean", attribute="", stratum="")["value"].isna().all()


def test_calibration_points_do_not_carry_small_counts() -> None:
    curves = pd.DataFrame(
        {
            "finding": "X",
            "attribute": "",
            "group": "",
            "mean_score": 0.5,
            "n": [9, 40, 40, 40, 40],
            "share_positive": [0.0, 0.1, 0.9, 0.0, 0.5],
            "fewest": [9, 4, 4, 40, 20],
        }
    )
    frame = pd.DataFrame(
        {"finding": ["X"], "attribute": [""], "group": [""], "metric": ["auc"], "stratum": [""]}
    )
    kept = suppress_curves(curves, LEAST, frame.assign(note=""))
    assert kept["share_positive"].tolist() == [0.0, 0.5]
    one_patient = suppress_curves(curves.assign(fewest=[9, 4, 4, 1, 20]), LEAST, frame.assign(note=""))
    assert one_patient["share_positive"].tolist() == [0.5]
    assert suppress_curves(curves, LEAST, frame.assign(note="suppressed: a count below 10")).empty


def test_nothing_is_blank_where_every_count_is_large() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)})
    kept = audit(frame, replicates=20, permutations=20, min_group=LEAST, threads=1).table
    pd.testing.assert_frame_equal(_suppressed(frame).table, kept, check_dtype=False)


def test_few_positives_in_one_stratum_take_the_counts_of_the_others() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)})
    frame["view"] = ["AP", "PA", "LL"] * 40
    ill = frame[frame["view"] == "LL"].index[frame.loc[frame["view"] == "LL", "label_Edema"] == 1]
    frame.loc[ill[3:], "label_Edema"] = 0
    result = _suppressed(frame, strata=["view"], attributes=["race"])
    assert _rows(result, stratum="view=LL", attribute="")["value"].isna().all()
    for view in ("AP", "PA"):
        shown = _rows(result, stratum=f"view={view}", attribute="", metric="auc")
        assert shown["value"].notna().all()
        assert shown["n"].isna().all()
        assert shown["n_positive"].isna().all()
    assert _rows(result, stratum="", attribute="", metric="auc")["n"].notna().all()


def test_many_images_of_one_patient_are_one_patient() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)})
    frame["view"] = ["AP"] * 30 + ["PA"] * 90
    frame.loc[:29, "patient_id"] = "p0"
    result = _suppressed(frame, strata=["view"], attributes=["race"])
    assert "view=AP" not in set(result.table["stratum"])


def test_two_patients_of_unknown_group_are_few_however_many_images_they_have() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25), "": (40, 20)})
    frame.loc[120:, "patient_id"] = np.where(np.arange(40) % 2, "u0", "u1")
    result = _suppressed(frame, attributes=["race"])
    unknown = _rows(result, group="Unknown")
    assert unknown[["value", "n", "n_positive"]].isna().all(axis=None)
    assert not unknown["note"].str.contains("2 patients").any()
    assert result.facts["unknown"] == {"race": None}
    assert _rows(result, attribute="", metric="auc")["value"].notna().all()
    assert "Unknown" not in set(result.calibration["group"])


def test_one_patient_with_all_the_positive_images_of_a_group_is_one() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)})
    ill = frame.index[(frame["race"] == "B") & (frame["label_Edema"] == 1)]
    frame.loc[ill, "patient_id"] = "x"
    result = _suppressed(frame, attributes=["race"])
    assert _rows(result, group="B", finding="Edema")["value"].isna().all()
    assert _rows(result, group="A", metric="auc")["value"].notna().all()


def test_notes_hold_no_small_count_either() -> None:
    frame = _cohort({"A": (60, 30), "B": (60, 25)})
    frame["view"] = np.where(frame.index < 2, "", np.where(frame.index % 2, "AP", "PA"))
    twice = frame.iloc[[0, 70]].assign(image_id=["x", "y"], race=["B", "A"])
    result = _suppressed(pd.concat([frame, twice]), attributes=["race"], strata=["view"])
    assert "view: some images without a value are in no stratum" in result.notes
    gaps = _rows(result, metric="auc_gap", attribute="race", stratum="")["note"]
    assert gaps.str.contains("some patients change group").all()
