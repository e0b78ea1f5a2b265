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


def test_what_does_not_go_with_the_policy_is_refused_before_training(cohort: Cohort) -> None:
    with pytest.raises(ConfigError, match="negatives: group_adjusted goes with contrastive"):
        resolve(auto(contrastive="fastclip"), cohort)
    config, _ = resolve(auto(contrastive="fastclip", negatives="all"), cohort)
    assert config.objective.contrastive == "fastclip"
