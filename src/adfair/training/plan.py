"""What a run would do, without doing it."""

from adfair.config import Config
from adfair.data.cache import leave_out_refused
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import check_files, load_cohort
from adfair.models.dual_encoder import build_model
from adfair.training.inputs import attribute_codes, wanted_attributes
from adfair.training.policy import resolve


def plan(config: Config) -> str:
    """Check configuration and cohort and describe the run. Raises ConfigError or DataError as training would."""
    cohort, left_out = without_excluded(load_cohort(config.data.cohort), config.data.exclude_patients)
    config, policy = resolve(config, cohort)
    model = build_model(config.model.config, seed=config.seed, image_size=config.data.image_size)
    cohort = leave_out_refused(cohort, size=model.image_size, fit=config.data.fit)
    check_files(cohort, decode=True)
    table, aim = cohort.split("train"), config.objective
    size = sum(p.numel() for p in model.net.parameters())
    batch = min(config.data.batch_size, len(table))
    lines = [
        f"cohort    {cohort.info.name}: {len(table):,} training images of {table['patient_id'].nunique():,} patients",
        f"text      {'reports' if cohort.has_reports else 'sentences made from labels'}"
        + (", without words for sex, race and age" if config.data.scrub_demographics else ""),
        f"model     {config.model.config}: {size / 1e6:.1f} M weights, {model.image_size} px",
        f"training  {config.train.steps:,} steps of {batch} ({config.train.steps * batch / len(table):.1f} epochs)",
        f"fairness  {aim.fairness}",
        *(f"          {reason}" for reason in (policy.reasons if policy else [])),
    ]
    for name, codes in attribute_codes(cohort, table, wanted_attributes(config)).items():
        known = int((~codes.isnan() if codes.is_floating_point() else codes >= 0).sum())
        lines.append(f"          {name}: {known:,} rows of known group, {len(codes) - known:,} masked")
    for record in left_out.values():
        images = ", ".join(f"{n:,} of {split}" for split, n in record["images_left_out"].items()) or "none"
        lines.append(f"left out  {record['patients']:,} listed patients; their images here: {images}")
    return "\n".join(lines)
