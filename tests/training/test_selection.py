from pathlib import Path

import pytest
import torch

from adfair.config import build_config
from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError, DataError
from adfair.models.dual_encoder import build_model
from adfair.training.selection import Selector, chosen, make_selector, resolve_rule

NAN = float("nan")


def record(auc: float, worst: float, race: float, sex: float = 0.6, se: float = 0.01) -> dict:
    leakage = {"race": race, "sex": sex, "view": 0.99}
    return {"auc": auc, "auc_se": se, "worst_group_auc": worst, "leakage": leakage, "leakage_se": 0.01}


RECORDS = [
    record(0.80, 0.70, 0.55),
    record(0.893, 0.89, 0.70),
    record(0.90, 0.85, 0.90),
    record(0.895, 0.86, 0.80),
]


@pytest.mark.parametrize(
    ("rule", "expected"), [("last", 3), ("best_auc", 2), ("best_worst_group", 1), ("least_leakage", 1)]
)
def test_rules(rule: str, expected: int) -> None:
    assert chosen(RECORDS, rule, ["race", "sex"]) == expected


def test_least_leakage_looks_within_one_standard_error_only() -> None:
    tight = [{**r, "auc_se": 0.004} for r in RECORDS]
    assert chosen(tight, "least_leakage", ["race", "sex"]) == 2
    tight[3]["auc"] = 0.8961
    assert chosen(tight, "least_leakage", ["race", "sex"]) == 3


def test_a_difference_in_leakage_below_its_error_is_a_tie() -> None:
    close = [record(0.9, 0.8, 0.600), record(0.9, 0.8, 0.615), record(0.9, 0.8, 0.625)]
    assert chosen(close, "least_leakage", ["race"]) == 0
    assert chosen([{**r, "leakage_se": 0.02} for r in close], "least_leakage", ["race"]) == 1
    assert chosen([{**r, "leakage_se": NAN} for r in close], "least_leakage", ["race"]) == 0


def test_ties_go_to_the_later_and_undefined_is_never_best() -> None:
    same = [record(0.9, 0.8, 0.6)] * 3
    for rule in ("best_auc", "best_worst_group", "least_leakage"):
        assert chosen(same, rule, ["race"]) == 2
    undefined = [record(0.7, 0.6, 0.6), record(NAN, NAN, NAN, NAN, NAN)]
    for rule in ("best_auc", "best_worst_group", "least_leakage"):
        assert chosen(undefined, rule, ["race"]) == 0


def test_the_automatic_rule(small_cohort: Path) -> None:
    cohort = load_cohort(small_cohort)
    assert resolve_rule(build_config({}), cohort) == "least_leakage"
    assert resolve_rule(build_config({}, ["objective.fairness=none"]), cohort) == "last"
    assert resolve_rule(build_config({}, ["objective.adversary_weight=0"]), cohort) == "last"
    assert resolve_rule(build_config({}, ["train.select=best_auc"]), cohort) == "best_auc"
    blind = cohort.info.model_copy(update={"splits": ["train", "test"]})
    assert resolve_rule(build_config({}), type(cohort)(cohort.root, blind, cohort.table)) == "last"


class Scripted:
    """A validation that returns what it was given."""

    def __init__(self, records: list[dict]) -> None:
        self.records = iter(records)

    def measure(self, model: object) -> dict:
        return next(self.records)


@pytest.mark.parametrize("rule", ["best_auc", "best_worst_group", "least_leakage"])
def test_the_chosen_weights_come_back_and_beaten_ones_are_dropped(tmp_path: Path, rule: str) -> None:
    model = build_model("tiny", seed=0, image_size=64)
    selector = Selector(rule, Scripted(RECORDS), ["race", "sex"], tmp_path)  # type: ignore[arg-type]
    for step in range(4):
        with torch.no_grad():
            model.net.logit_scale.fill_(float(step))
        selector.consider(model, step=step)
        selector.drop_beaten()
    found = selector.choice()
    assert found
    note, weights = found
    expected = chosen(RECORDS, rule, ["race", "sex"])
    assert note == {"selected_step": expected, "rule": rule}
    assert weights["logit_scale"].item() == expected
    assert len(list(tmp_path.glob("step-*.safetensors"))) == 4, "each of these is best at something"
    selector.validation = Scripted([record(0.95, 0.9, 0.5, 0.5)])  # type: ignore[assignment]
    selector.consider(model, step=9)
    assert len(list(tmp_path.glob("step-*"))) == 5, "until the records are safe, all are"
    selector.drop_beaten()
    assert [p.name for p in tmp_path.glob("step-*")] == ["step-000009.safetensors"]


def test_a_rule_needs_a_validation_split(small_cohort: Path, tmp_path: Path) -> None:
    cohort = load_cohort(small_cohort)
    table = cohort.table[cohort.table["split"] != "val"]
    config = build_config({}, ["train.select=best_auc"])
    with pytest.raises(DataError, match="'val'"):
        make_selector(config, type(cohort)(cohort.root, cohort.info, table), image_size=64, run=tmp_path)


def test_least_leakage_needs_groups_that_could_leak(small_cohort: Path) -> None:
    cohort = load_cohort(small_cohort)
    for attributes in ("[]", "[age]"):
        assert resolve_rule(build_config({}, [f"objective.attributes={attributes}"]), cohort) == "last"
        asked = build_config({}, [f"objective.attributes={attributes}", "train.select=least_leakage"])
        with pytest.raises(ConfigError, match="with groups: name some"):
            resolve_rule(asked, cohort)
