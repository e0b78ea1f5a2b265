import pytest

from adfair.config import build_config
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.synthetic import synth
from adfair.errors import ConfigError
from adfair.training.policy import resolve


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return load_cohort(synth(tmp_path_factory.mktemp("p") / "c", preset="default", n_train=600, n_test=60))


def auto(**objective: object):  # type: ignore[no-untyped-def]
    return build_config({"objective": {"fairness": "auto", **objective}})


def test_other_configurations_pass_unchanged(cohort: Cohort) -> None:
    config = build_config({})
    assert resolve(config, cohort) == (config, None)


def test_auto_is_resolved_by_the_cohort(cohort: Cohort) -> None:
    config, policy = resolve(auto(), cohort)
    assert policy is not None
    assert (config.objective.fairness, config.objective.negatives) == ("adversarial", "group_adjusted")
    assert config.objective.adversary_weight == policy.adversary_weight
    assert config.objective.condition == policy.condition == "findings"
    assert config.data.scrub_demographics


def test_what_the_user_sets_is_kept(cohort: Cohort) -> None:
    config, _ = resolve(auto(adversary_weight=0.0, negatives="all"), cohort)
    assert (config.objective.fairness, config.objective.negatives) == ("none", "all")


def test_the_written_configuration_trains_again_without_a_policy(cohort: Cohort) -> None:
    config, _ = resolve(auto(), cohort)
    again = build_config(config.model_dump(mode="json"))
    assert resolve(again, cohort) == (again, None)
    assert again == config


def test_without_attributes_it_says_which_there_are(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match="race, sex"):
        resolve(auto(attributes=[]), cohort)


def test_fastclip_has_no_adjusted_logits_and_a_reason_says_so(cohort: Cohort) -> None:
    config, policy = resolve(auto(contrastive="fastclip"), cohort)
    assert (config.objective.negatives, config.objective.condition) == ("all", "findings")
    assert policy is not None
    assert policy.reasons[-1].startswith("But contrastive: fastclip has no such addition")


def test_what_does_not_go_with_the_policy_is_refused_before_training(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match="negatives: same_cell goes with contrastive"):
        resolve(auto(contrastive="fastclip", negatives="same_cell"), cohort)


def test_the_reasons_tell_what_is_trained_and_not_only_what_was_recommended(cohort: Cohort) -> None:
    tree = {
        "data": {"scrub_demographics": False},
        "objective": {"fairness": "auto", "adversary_weight": 0.7, "attributes": ["age", "race"]},
    }
    config, policy = resolve(build_config(tree), cohort)
    assert policy is not None
    said = " ".join(policy.reasons)
    assert not config.data.scrub_demographics
    assert "But the configuration sets data.scrub_demographics: False" in said
    assert "But the configuration sets objective.adversary_weight: 0.7" in said
    assert "age: not diagnosed, being a number; the adversary reads it too." in said
    _, plain = resolve(auto(), cohort)
    assert plain is not None
    assert "But" not in " ".join(plain.reasons)
