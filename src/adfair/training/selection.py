"""Which checkpoint becomes ``model/``, by a rule on the validation split that is fixed before training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor

from adfair.config import Config
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort
from adfair.data.staging import replace_file
from adfair.distributed import rank
from adfair.errors import ConfigError
from adfair.models.dual_encoder import DualEncoder
from adfair.training.sharding import whole_state
from adfair.training.validation import SPLIT, Validation, load_validation

Record = dict[str, Any]


def resolve_rule(config: Config, cohort: Cohort) -> str:
    """What ``train.select: auto`` means: least leakage where an adversary weighs something and there is a ``val``.

    At weight 0 it is ``last``, so that the run is plain CLIP bit for bit; also where no attribute has groups to read.

    Raises:
        ConfigError: ``least_leakage`` was asked for, and no attribute has groups whose leakage could be least.
    """
    aim, rule = config.objective, config.train.select
    grouped = any(name in cohort.info.attributes for name in aim.attributes)
    if rule == "least_leakage" and not grouped:
        raise ConfigError(
            "train.select: least_leakage needs objective.attributes with groups: name some, or take another rule"
        )
    if rule != "auto":
        return rule
    fought = aim.fairness == "adversarial" and aim.adversary_weight > 0
    return "least_leakage" if fought and grouped and SPLIT in cohort.info.splits else "last"


def with_rule(config: Config, rule: str) -> Config:
    """The configuration as a run folder keeps it, ``train.select`` resolved."""
    return config.model_copy(update={"train": config.train.model_copy(update={"select": rule})})


def chosen(records: Sequence[Record], rule: str, attributes: Sequence[str]) -> int:
    """Position of the record that a rule picks; ties and undefined figures go to the later one.

    ``least_leakage``: of those within one standard error of the best AUC, the one whose mean leakage of
    ``attributes`` is least; a difference below ``leakage_se`` is a tie (our choice: it is noise of the split, and
    later towers are the better trained). Source: the one-standard-error rule of Breiman et al. 1984; selecting by leakage
    rather than by the gap after Yang et al. 2024, "The limits of fair medical imaging AI".
    """
    last = len(records) - 1
    if rule == "last":
        return last
    if rule in ("best_auc", "best_worst_group"):
        key = "auc" if rule == "best_auc" else "worst_group_auc"
        return max(range(len(records)), key=lambda i: (_low(records[i][key]), i))
    best = records[chosen(records, "best_auc", attributes)]
    floor = _low(best["auc"]) - _finite(best["auc_se"])
    close = [i for i, record in enumerate(records) if _low(record["auc"]) >= floor]
    least = min((_leakage(records[i], attributes) for i in close), default=math.inf)
    tied = [i for i in close if _leakage(records[i], attributes) <= least + _finite(records[i]["leakage_se"])]
    return max(tied, default=last)


def _finite(error: float) -> float:
    return 0.0 if math.isnan(error) else error


def _low(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _leakage(record: Record, attributes: Sequence[str]) -> float:
    values = [record["leakage"][name] for name in attributes if name in record["leakage"]]
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.inf


@dataclass
class Selector:
    """Validates the towers at every checkpoint, keeps those that could still be chosen, and finds the chosen one."""

    rule: str
    validation: Validation | None
    attributes: Sequence[str]
    folder: Path
    records: list[Record] = field(default_factory=list)

    def consider(self, model: DualEncoder, *, step: int) -> Record | None:
        """Measure the towers after ``step`` steps; ``None`` where the rule is ``last``."""
        if self.validation is None:
            return None
        record = {"step": step, **self.validation.measure(model)}
        self.records.append(record)
        towers = whole_state(model.net)
        if rank() == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            weights = {key: value.cpu().contiguous() for key, value in towers.items()}
            replace_file(self._file(record), save(weights, metadata={"step": str(step)}))
        return {key: value for key, value in record.items() if key != "step"}

    def drop_beaten(self) -> None:
        """Forget the towers that no rule can choose any more; only when the records of the others are safe."""
        for other in filter(self._beaten, self.records):
            self._file(other).unlink(missing_ok=True)

    def _beaten(self, record: Record) -> bool:
        """Whether another record is at least as good in AUC, worst group and leakage, so that no rule picks this."""

        def quality(r: Record) -> tuple[float, ...]:
            return _low(r["auc"]), _low(r["worst_group_auc"]), -_leakage(r, self.attributes)

        mine = quality(record)
        return any(
            other["step"] > record["step"] and all(a >= b for a, b in zip(quality(other), mine, strict=True))
            for other in self.records
        )

    def _file(self, record: Record) -> Path:
        return self.folder / f"step-{record['step']:06d}.safetensors"

    def choice(self) -> tuple[Record, dict[str, Tensor]] | None:
        """The record of the choice and the towers' weights then; ``None`` where the rule is ``last``."""
        if not self.records:
            return None
        record = self.records[chosen(self.records, self.rule, self.attributes)]
        return {"selected_step": record["step"], "rule": self.rule}, load_file(self._file(record))


def make_selector(config: Config, cohort: Cohort, *, image_size: int, run: Path) -> Selector:
    """The selector of a run whose ``train.select`` is resolved. Raises DataError without a validation split."""
    validation = None
    if config.train.select != "last":
        kept, _ = without_excluded(cohort, config.data.exclude_patients)
        validation = load_validation(kept, image_size=image_size, seed=config.seed, fit=config.data.fit)
    return Selector(config.train.select, validation, config.objective.attributes, run / "checkpoints")
