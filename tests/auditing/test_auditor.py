"""Whole audits: every figure against the scalar metrics, and what the options change."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from adfair import audit, metrics
from adfair.auditing.auditor import audit_predictions
from adfair.auditing.cutoffs import Cutoffs
from adfair.auditing.formats import load_predictions
from adfair.auditing.rows import COLUMNS
from adfair.auditing.settings import Settings
from adfair.errors import ConfigError, DataError

Maker = Callable[..., pd.DataFrame]
CONTRACT = [
    *("metric", "finding", "attribute", "group", "stratum", "value", "ci_low", "ci_high"),
    *("expected_by_chance", "p_value", "p_adjusted", "n", "n_positive", "note"),
]


def test_columns_are_the_contracts(table: Maker) -> None:
    assert list(audit(table(), replicates=0).table.columns) == CONTRACT == list(COLUMNS)


def test_metrics_asked_for_by_name_are_the_same_rows(table: Maker) -> None:
    predictions = load_predictions(table(), attributes=["race"])
    cutoffs = Cutoffs(np.full(len(predictions.findings), 0.5), "0.5", "given")
    settings = Settings(replicates=0)
    whole = audit_predictions(predictions, cutoffs, settings).table
    for only in ({"auc", "auc_gap", "equalized_odds_difference"}, {"threshold", "tpr", "tpr_difference"}):
        found = audit_predictions(predictions, cutoffs, settings, only=frozenset(only)).table
        assert set(found["metric"]) == only
        kept = whole[whole["metric"].isin(only)].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, kept)


def test_every_observed_figure_equals_the_scalar_metric(table: Maker) -> None:
    frame = table()
    result = audit(frame, attributes=["race"], threshold=0.5, replicates=0)
    for finding, rows in frame.groupby("finding"):
        y, s, a = rows["label"].to_numpy(), rows["score"].to_numpy(), rows["race"].to_numpy()
        p, by = metrics.apply_threshold(s, 0.5), {"sensitive_features": rows["race"].to_numpy()}
        place = {"finding": finding, "attribute": "race"}
        for name in ("es_auc", "auc_gap", "worst_group_auc"):
            assert result.value(name, **place) == pytest.approx(getattr(metrics, name)(y, s, **by), abs=1e-12)
        for name in (
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equal_opportunity_difference",
            "equalized_odds_difference",
            "equalized_odds_difference_mean",
            "equalized_odds_ratio",
        ):
            assert result.value(name, **place) == pytest.approx(getattr(metrics, name)(y, p, **by), abs=1e-12)
        for group in "ABC":
            m = a == group
            expected = metrics.rates(y[m], p[m]) | {
                "auc": metrics.auc(y[m], s[m]),
                "ece": metrics.ece(y[m], s[m]),
            }
            for name in ("tpr", "fpr", "ppv", "npv", "selection_rate", "accuracy", "auc", "ece"):
                got = result.value(name, group=group, **place)
                assert got == pytest.approx(expected[name], abs=1e-12)
        by_group = {
            name: [result.value(name, group=g, **place) for g in "ABC"] for name in ("ece", "accuracy", "fnr")
        }
        assert result.value("ece_gap", **place) == pytest.approx(np.ptp(by_group["ece"]), abs=1e-12)
        assert result.value("underdiagnosis_gap", **place) == pytest.approx(
            np.ptp(by_group["fnr"]), abs=1e-12
        )
        whole = result.value("accuracy", finding=finding)
        scaled = whole / (1 + sum(abs(each - whole) for each in by_group["accuracy"]))
        assert result.value("es_accuracy", **place) == pytest.approx(scaled, abs=1e-12)
        difference = metrics.auc(y[a == "A"], s[a == "A"]) - metrics.auc(y[a == "C"], s[a == "C"])
        assert result.value("auc_difference", group="A-C", **place) == pytest.approx(difference, abs=1e-12)


def test_mean_rows_are_means_of_the_findings(table: Maker) -> None:
    result = audit(table(findings=3), threshold=0.5, replicates=0)
    for metric, attribute in (("auc", ""), ("es_auc", "race"), ("equalized_odds_difference", "sex")):
        each = [result.value(metric, finding=f"f{k}", attribute=attribute) for k in range(3)]
        assert result.value(metric, attribute=attribute) == pytest.approx(np.mean(each), abs=1e-14)


def test_result_depends_on_the_seed_and_not_on_threads_or_row_order(table: Maker) -> None:
    frame = table()
    options = {"replicates": 150, "permutations": 150, "threshold": 0.5}
    one = audit(frame, threads=1, **options).table
    pd.testing.assert_frame_equal(one, audit(frame, threads=3, **options).table)
    other = audit(frame, seed=1, **options).table
    assert (one["value"].dropna() == other["value"].dropna()).all()
    assert (one["ci_low"].dropna() != other["ci_low"].dropna()).any()


def test_underdiagnosis_is_fpr_of_no_finding_and_fnr_elsewhere(table: Maker) -> None:
    frame = table().replace({"finding": {"f0": "No Finding"}})
    result = audit(frame, threshold=0.5, replicates=0)
    for group in ("", *"ABC"):
        place = {"attribute": "race" if group else "", "group": group}
        of = [result.value("underdiagnosis_rate", finding=f, **place) for f in ("No Finding", "f1")]
        assert of[0] == result.value("fpr", finding="No Finding", **place)
        assert of[1] == result.value("fnr", finding="f1", **place)


def test_group_with_one_class_is_undefined_and_named(table: Maker) -> None:
    frame = table()
    frame.loc[(frame["race"] == "C") & (frame["finding"] == "f0"), "label"] = 0
    rows = audit(frame, threshold=0.5, replicates=30).table
    rows = rows[rows["attribute"] == "race"].set_index(["metric", "finding", "group"])
    assert np.isnan(rows.loc[("auc", "f0", "C"), "value"])
    assert rows.loc[("auc", "f0", "C"), "note"].startswith("undefined: no positives")
    assert "without C (undefined there)" in rows.loc[("auc_gap", "f0", ""), "note"]
    two = [rows.loc[("auc", "f0", g), "value"] for g in "AB"]
    assert rows.loc[("auc_gap", "f0", ""), "value"] == pytest.approx(max(two) - min(two))
    assert "mean over 1 of 2 findings, undefined: f0" in rows.loc[("auc", "mean", "C"), "note"]


def test_undefined_resamples_are_counted(table: Maker) -> None:
    frame = table(60, findings=1, per_patient=1)
    frame["label"] = 0
    frame.loc[[3, 7], "label"] = 1
    row = audit(frame, threshold=0.5, replicates=300, interval="percentile").table.iloc[1]
    assert row["metric"] == "auc"
    share = float(row["note"].split(" of 300 resamples undefined")[0]) / 300
    assert share == pytest.approx((1 - 2 / 60) ** 60, abs=0.06)


def test_scores_outside_zero_to_one_leave_calibration_and_rates_undefined(table: Maker) -> None:
    frame = table()
    frame["score"] = 10 * frame["score"] - 5
    rows = audit(frame, replicates=20).table
    rows = rows[(rows["finding"] == "f0") & (rows["attribute"] == "")].set_index("metric")
    assert np.isfinite(rows.loc["auc", "value"])
    assert rows.loc[["brier", "ece", "tpr", "threshold"], "value"].isna().all()
    assert "not probabilities" in rows.loc["ece", "note"]
    assert "--validation" in rows.loc["threshold", "note"]


def test_constant_scores_are_chance_and_not_an_error(table: Maker) -> None:
    frame = table()
    frame["score"] = 0.5
    result = audit(frame, replicates=20)
    assert result.value("auc") == 0.5
    assert result.value("auc_gap", attribute="race") == 0
    rows = result.table[result.table["metric"] == "auc_gap"]
    assert (rows["p_value"] == 1).all()


def test_in_sample_thresholds_are_said_everywhere(table: Maker) -> None:
    frame = table()
    result = audit(frame, threshold="f1", in_sample=True, replicates=20)
    rates = result.table[result.table["metric"].isin(["tpr", "equalized_odds_difference", "tpr_difference"])]
    assert rates["note"].str.contains("in-sample").all()
    assert (
        not result.table[result.table["metric"].isin(["auc", "es_auc"])]["note"]
        .str.contains("in-sample")
        .any()
    )
    assert any("in-sample" in note for note in result.notes)
    with pytest.raises(ConfigError, match="--validation"):
        audit(frame, threshold="f1", replicates=0)


def test_intersections_are_attributes(table: Maker) -> None:
    frame = table(600)
    result = audit(frame, attributes=["race", "sex"], intersections=True, threshold=0.5, replicates=0)
    rows = frame[(frame["race"] == "B") & (frame["sex"] == "F") & (frame["finding"] == "f1")]
    got = result.value("auc", finding="f1", attribute="race*sex", group="B*F")
    assert got == pytest.approx(metrics.auc(rows["label"], rows["score"]), abs=1e-12)


def test_strata_are_audits_of_their_rows(table: Maker) -> None:
    frame = table(400)
    frame["view"] = np.where(frame["image_id"].str.endswith(tuple("02468")), "AP", "PA")
    result = audit(frame, attributes=["race"], strata=["view"], replicates=0)
    alone = audit(frame[frame["view"] == "AP"], attributes=["race"], replicates=0)
    for metric, group in (("auc", ""), ("auc", "B"), ("auc_gap", "")):
        place = {"attribute": "race" if metric == "auc_gap" or group else "", "group": group}
        assert result.value(metric, stratum="view=AP", **place) == alone.value(metric, **place)


def test_small_groups_are_marked_and_can_be_suppressed(table: Maker) -> None:
    frame = table(240)
    few = frame["patient_id"].isin(["p1", "p2", "p3"])
    frame.loc[few, "race"] = "D"
    marked = audit(frame, attributes=["race"], replicates=0).table
    note = marked[(marked["group"] == "D") & (marked["metric"] == "auc")]["note"]
    assert note.str.contains("small group: 3 patients, fewer than 10").all()
    hidden = audit(frame, attributes=["race"], replicates=0, suppress_small=True)
    assert "D" not in set(hidden.table["group"])
    assert "Unknown" not in set(hidden.table["group"])
    assert any("race D" in note for note in hidden.notes)
    assert (hidden.calibration["n"] >= 10).all()


def test_wilson_where_patients_have_one_row_and_bootstrap_otherwise(table: Maker) -> None:
    for per_patient, expected in ((1, True), (3, False)):
        rows = audit(table(per_patient=per_patient), threshold=0.5, replicates=50).table
        rows = rows[(rows["metric"] == "tpr") & (rows["finding"] == "f0")]
        assert rows["note"].str.contains("Wilson").eq(expected).all()


@pytest.mark.parametrize("interval", ["percentile", "bca", "delong"])
def test_intervals_of_the_auc_nearly_agree(table: Maker, interval: str) -> None:
    rows = audit(table(900, findings=1), interval=interval, replicates=1500, threshold=0.5).table
    rows = rows[(rows["metric"] == "auc") & (rows["finding"] == "f0")].set_index("group")
    expected = audit(
        table(900, findings=1), interval="percentile", replicates=1500, seed=9, threshold=0.5
    ).table
    expected = expected[(expected["metric"] == "auc") & (expected["finding"] == "f0")].set_index("group")
    for end in ("ci_low", "ci_high"):
        np.testing.assert_allclose(rows[end], expected[end], atol=0.012)
    assert rows["note"].str.contains("Obuchowski").eq(interval == "delong").all()


def test_stratified_resampling_keeps_group_sizes(table: Maker) -> None:
    frame = table(300, per_patient=1, findings=1)
    frame["score"] = np.where(frame["race"] == "A", 0.9, 0.1)
    free, fixed = (
        audit(
            frame, attributes=["race"], threshold=0.5, replicates=200, interval="percentile", stratified=s
        ).table
        for s in (False, True)
    )
    widths = [
        t[(t["metric"] == "selection_rate") & (t["attribute"] == "")].eval("ci_high - ci_low").max()
        for t in (free, fixed)
    ]
    assert widths[0] > 0.05
    assert widths[1] == 0


def test_adjusted_p_values_cover_findings_and_attributes(table: Maker) -> None:
    rows = audit(table(findings=3), threshold=0.5, replicates=50, permutations=200).table
    rows = rows[(rows["metric"] == "auc_gap") & (rows["finding"] != "mean")]
    from adfair.metrics.multiplicity import holm

    np.testing.assert_allclose(rows["p_adjusted"], holm(rows["p_value"]))


def test_options_are_checked(table: Maker) -> None:
    for options in (
        {"level": 1.5},
        {"replicates": -1},
        {"interval": "magic"},
        {"threads": 0},
        {"ece_bins": 0},
    ):
        with pytest.raises(ConfigError, match=next(iter(options))):
            audit(table(), **options)


def test_table_without_a_usable_label_is_refused(table: Maker) -> None:
    frame = table()
    frame["label"] = -1
    with pytest.raises(DataError, match="no row has a label"):
        audit(frame, replicates=0)


def test_patients_in_two_groups_are_counted(table: Maker) -> None:
    frame = table()
    assert not audit(frame, threshold=0.5, replicates=20, intersections=True).notes
    images = frame.groupby("patient_id")["image_id"].nunique()
    twice = frame["patient_id"].map(images) > 1
    first = frame.drop_duplicates("patient_id")["image_id"]
    moved = frame["sex"].mask(twice & frame["image_id"].isin(first), "X")
    notes = audit(frame.assign(sex=moved), threshold=0.5, replicates=20).notes
    assert notes == (
        f"{(images > 1).sum()} patients have images in several groups of 'sex'; each image counts where it is",
    )


def test_calibration_bins_of_equal_counts(table: Maker) -> None:
    frame = table()
    frame = frame[frame["finding"] == frame["finding"].iloc[0]]
    found = audit(frame, attributes=["race"], threshold=0.5, replicates=0, ece_binning="mass")
    order = np.argsort(frame["score"].to_numpy(), kind="stable")
    label, score = frame["label"].to_numpy()[order], frame["score"].to_numpy()[order]
    parts = np.array_split(np.arange(len(order)), 10)
    expected = sum(len(p) * abs(label[p].mean() - score[p].mean()) for p in parts) / len(order)
    equal = audit(frame, attributes=["race"], threshold=0.5, replicates=0).value(
        "ece", finding=frame["finding"].iloc[0]
    )
    mass = found.value("ece", finding=frame["finding"].iloc[0])
    assert mass == pytest.approx(expected, abs=0.01)
    assert mass != pytest.approx(equal, abs=1e-4)
