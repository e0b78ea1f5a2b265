"""One run of a sweep: what it is, where it lies, and what makes it another run."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from adfair.config import Config, ModelConfig
from adfair.training.identity import config_hash
from adfair.training.policy import left_open
from adfair.workflows.sweep_cohort import CohortPlan, patients_identity, plan_tests
from adfair.workflows.sweep_file import PostHoc, Protocols, SweepSection

_LONGEST = 120


@dataclass(frozen=True, kw_only=True)
class Run:
    """One model to train, or to treat afterwards, and to evaluate.

    Attributes:
        name: ``COHORT/ARM/sSEED``, its folder below ``runs/``.
        config: of the arm, or of the arm that ``post_hoc`` comes after.
        keep_model: whether the model outlives the evaluation.
        patients: what ``data.exclude_patients`` keeps from training, see ``patients_identity``.
        towers: what the files hold that the towers come from, see ``towers_identity``.
        after: the run that must be finished first.
    """

    cohort: str
    arm: str
    seed: int
    name: str
    folder: Path
    data: CohortPlan
    config: Config
    test_sets: Mapping[str, Protocols]
    replicates: int
    keep_model: bool
    patients: Mapping[str, str] = field(default_factory=dict)
    towers: Mapping[str, str] = field(default_factory=dict)
    post_hoc: PostHoc | None = None
    after: "Run | None" = None

    @property
    def identity(self) -> dict[str, Any]:
        """All that the run's figures depend on, as a JSON tree."""
        tree = self.config.model_dump(mode="json")
        if self.config.objective.fairness == "auto":
            tree = left_open(tree, self.config)
        # Where a cohort or a list of patients lies is no part of what it is.
        del tree["data"]["cohort"]
        tree["data"] |= {"exclude_patients": [], **self.patients}
        tree["model"] |= self.towers
        return {
            **tree,
            "cohort": dict(self.data.identity),
            "post_hoc": {self.post_hoc.workflow: self.settings} if self.post_hoc else None,
            "test_sets": {name: sorted(protocols) for name, protocols in self.test_sets.items()},
            "replicates": self.replicates,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Arguments of the post-hoc remedy; its attributes are those of the arm it comes after."""
        assert self.post_hoc is not None
        return {"attributes": self.config.objective.attributes, **self.post_hoc.settings}


def fingerprint(identity: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON tree, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def towers_identity(model: ModelConfig) -> dict[str, str]:
    """Hashes of a JSON file of towers and of the weights to start from; empty where there is neither."""
    described = config_hash(model.config)
    found = {} if described is None else {"config_sha256": described}
    if model.pretrained is not None:
        from adfair.models.dual_encoder import WEIGHTS_FILE, weights_hash

        if (model.pretrained / WEIGHTS_FILE).is_file():
            found["pretrained_sha256"] = weights_hash(model.pretrained)
    return found


def files_of(config: Config) -> tuple[dict[str, str], dict[str, str]]:
    """What a configuration's files hold, as ``Run`` has it: patients and towers. Reads them whole: once an arm."""
    return patients_identity(config.data.exclude_patients), towers_identity(config.model)


def folder_name(name: str) -> str:
    """A name as the name of one folder: no separator, no leading point, not too long; distinct for distinct."""
    text = quote(name, safe=" =+,@()[]")
    text = f"%2E{text[1:]}" if text.startswith(".") else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}~{fingerprint({'name': name})[:12]}"


def runs_on(
    cohort: CohortPlan,
    section: SweepSection,
    configs: Mapping[str, Config],
    files: Mapping[str, tuple[dict[str, str], dict[str, str]]],
    out: Path,
    keep_models: bool,
) -> list[Run]:
    """Every arm on one cohort, in the order of the file; ``files`` are the ``files_of`` each arm."""
    tests = plan_tests(section.test_sets, cohort)
    needed = {arm.after for arm in section.arms.values() if isinstance(arm, PostHoc)}

    def make(arm: str, post_hoc: PostHoc | None, after: Run | None) -> Run:
        name = f"{folder_name(cohort.name)}/{folder_name(arm)}/s{cohort.seed}"
        trained_as = post_hoc.after if post_hoc else arm
        config, (patients, towers) = configs[trained_as], files[trained_as]
        data = config.data.model_copy(update={"cohort": cohort.folder})
        return Run(
            cohort=cohort.name,
            arm=arm,
            seed=cohort.seed,
            name=name,
            folder=out / "runs" / name,
            data=cohort,
            config=config.model_copy(update={"data": data, "seed": cohort.seed}),
            test_sets=tests,
            replicates=section.replicates,
            keep_model=keep_models or arm in needed,
            patients=patients,
            towers=towers,
            post_hoc=post_hoc,
            after=after,
        )

    trained = {name: make(name, None, None) for name in configs}
    return [
        make(name, arm, trained[arm.after]) if isinstance(arm, PostHoc) else trained[name]
        for name, arm in section.arms.items()
    ]
