"""What a run would do, without doing it."""

from adfair.config import Config
from adfair.data.cache import leave_out_refused
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import check_files, load_cohort
from adfair.training.inputs import attribute_codes, require_groups, wanted_attributes
from adfair.training.memory import Memory, estimate_memory
from adfair.training.policy import resolve
from adfair.training.selection import resolve_rule
from adfair.training.speed import checkpoint_activations
from adfair.training.towers import build_towers
from adfair.training.validation import SPLIT

_RULES = {
    "last": "the last step",
    "best_auc": "the step of the best AUC on the validation split",
    "best_worst_group": "the step of the best worst-group AUC on the validation split",
    "least_leakage": "the step of least leakage within one standard error of the best AUC on the validation split",
}


def plan(config: Config) -> str:
    """Check configuration and cohort and describe the run. Raises ConfigError or DataError as training would."""
    cohort = load_cohort(config.data.cohort)
    config, policy = resolve(config, cohort)
    cohort, left_out = without_excluded(cohort, config.data.exclude_patients)
    model = build_towers(config)
    cohort = leave_out_refused(cohort, size=model.image_size, fit=config.data.fit)
    check_files(cohort, decode=True)
    table, aim = cohort.split("train"), config.objective
    codes = attribute_codes(cohort, table, wanted_attributes(config))
    require_groups(config, codes)
    rule = resolve_rule(config, cohort)
    if rule != "last":
        cohort.split(SPLIT)
    if config.train.checkpoint_activations:
        checkpoint_activations(model.net, lambda said: None)
    size = sum(p.numel() for p in model.net.parameters())
    batch = min(config.data.batch_size, len(table))
    lines = [
        f"cohort    {cohort.info.name}: {len(table):,} training images of {table['patient_id'].nunique():,} patients",
        f"text      {'reports' if cohort.has_reports else 'sentences made from labels'}"
        + (", without words for sex, race and age" if config.data.scrub_demographics else ""),
        f"model     {config.model.config}: {size / 1e6:.1f} M weights, {model.image_size} px",
        f"training  {config.train.steps:,} steps of {batch} ({config.train.steps * batch / len(table):.1f} epochs)",
        f"memory    {_memory(estimate_memory(model, config))}",
        f"model of  {_RULES[rule]}",
        f"fairness  {aim.fairness}",
        *(f"          {reason}" for reason in (policy.reasons if policy else [])),
    ]
    for name, code in codes.items():
        known = int((~code.isnan() if code.is_floating_point() else code >= 0).sum())
        lines.append(f"          {name}: {known:,} rows of known group, {len(code) - known:,} masked")
    for record in left_out.values():
        images = ", ".join(f"{n:,} of {split}" for split, n in record["images_left_out"].items()) or "none"
        lines.append(f"left out  {record['patients']:,} listed patients; their images here: {images}")
    return "\n".join(lines)


def _memory(found: Memory) -> str:
    parts = f"weights, gradients and moments {_size(found.weights)}, activations {_size(found.activations)}"
    return f"about {_size(found.total)} on each device in 32 bit ({parts}, logits {_size(found.loss)})"


def _size(count: int) -> str:
    if count >= 2**30:
        return f"{count / 2**30:.1f} GiB"
    return f"{count / 2**20:.0f} MiB" if count >= 10 * 2**20 else f"{count / 2**20:.1f} MiB"
