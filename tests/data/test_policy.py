import numpy as np
import pytest

from adfair.data.manifest import load_cohort
from adfair.data.policy import WEIGHT, adversary_weight, cohort_dependence, decide, dependence_table
from adfair.data.synthetic import synth
from adfair.metrics.dependence import Dependence

NOTHING = Dependence(-0.001, 0.001, 1.0, 5000)
STRONG = Dependence(0.4, 0.01, 1.0, 5000)


def test_nothing_found_keeps_the_plain_loss() -> None:
    policy = decide({"race": NOTHING, "sex": NOTHING}, naming=0.0)
    assert (policy.scrub_demographics, policy.negatives, policy.condition) == (False, "all", "none")
    assert policy.adversary_weight == WEIGHT


def test_dependence_asks_for_the_adjustment_and_an_adversary_that_knows_the_findings() -> None:
    policy = decide({"race": STRONG, "sex": NOTHING}, naming=0.3)
    assert (policy.scrub_demographics, policy.negatives) == (True, "group_adjusted")
    assert (policy.condition, policy.adversary_weight) == ("findings", WEIGHT)
    assert any("30.0% of the training reports" in reason for reason in policy.reasons)


def test_the_adversary_pushes_harder_where_findings_leave_it_little_to_learn_from() -> None:
    assert [adversary_weight(share) for share in (0.0, 0.3, 0.5)] == [WEIGHT] * 3
    assert adversary_weight(0.6) == pytest.approx(WEIGHT * 0.5 / 0.4)
    assert adversary_weight(0.75) == adversary_weight(1.0) == 2 * WEIGHT
    policy = decide({"race": Dependence(0.6, 0.01, 1.0, 5000), "sex": STRONG}, naming=0)
    assert policy.adversary_weight == pytest.approx(adversary_weight(0.6))
    assert any("weight 0.62" in reason for reason in policy.reasons)


def test_within_two_standard_errors_nothing_is_claimed() -> None:
    assert decide({"race": Dependence(0.0019, 0.001, 1.0, 500)}, naming=0).negatives == "all"
    assert decide({"race": Dependence(0.0021, 0.001, 1.0, 500)}, naming=0).negatives == "group_adjusted"


def test_undefined_dependence_is_said_and_asks_for_nothing() -> None:
    policy = decide({"race": Dependence(np.nan, np.nan, np.nan, 0, "no finding varies")}, naming=0)
    assert policy.negatives == "all"
    assert any("undefined: no finding varies" in reason for reason in policy.reasons)


@pytest.mark.parametrize(("preset", "tied"), [("default", True), ("none", False)])
def test_synthetic_cohorts(tmp_path, preset: str, tied: bool) -> None:  # type: ignore[no-untyped-def]
    cohort = load_cohort(synth(tmp_path / "c", preset=preset, seed=1, n_train=800, n_test=60))
    found = cohort_dependence(cohort, ["race", "sex"])
    assert (found["race"].gain > 2 * found["race"].standard_error) == tied
    assert list(dependence_table(found)["attribute"]) == ["race", "sex"]
