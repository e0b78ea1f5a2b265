"""``synth``: a whole synthetic cohort in one folder, the same bytes for the same seed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from adfair import __version__
from adfair.data.manifest import write_cohort
from adfair.data.schema import CohortInfo
from adfair.data.staging import staged_folder
from adfair.data.synthetic.phantom import CHUNK, draw
from adfair.data.synthetic.population import People, balanced, five_by, natural
from adfair.data.synthetic.presets import ATTRIBUTES, FINDINGS, PRESETS, RACES, SEXES, Preset
from adfair.data.synthetic.reports import reported, write_reports
from adfair.errors import ConfigError

SPLITS = ("train", "val", "test", "test_reversed", "test_5x90", "probe")
_THREADS = 2  # the two cores that the demonstration promises to be quick on
PER_CELL = 15  # FCXP 5x90: 5 findings x 3 races x 2 sexes x 15 images
# Reports are written with faults only where a hospital's own records would be used: to train and to select.
_OWN_RECORDS = ("train", "val")


def _people(
    rng: np.random.Generator, split: str, *, biased: Preset, population: Preset, n_train: int, n_test: int
) -> People:
    if split in _OWN_RECORDS:
        return natural(rng, biased, n_train if split == "train" else max(n_train // 5, 60))
    if split == "test_5x90":
        return five_by(rng, population, PER_CELL)
    if split == "test_reversed":
        return balanced(rng, population, n_test // 3, rho=-population.rho, rho_sex=-population.rho_sex)
    return balanced(rng, population, n_test)


def _chunks(people: People) -> Iterator[tuple[slice, People]]:
    for start in range(0, len(people), CHUNK):
        rows = slice(start, start + CHUNK)
        yield rows, People(**{f.name: getattr(people, f.name)[rows] for f in fields(People)})


def _draw_split(folder: Path, split: str, people: People, preset: Preset, rng: np.random.Generator) -> None:
    (folder / "images" / split).mkdir(parents=True)
    noise = preset.extra_noise * (people.race == RACES.index("Black"))
    for rows, part in _chunks(people):
        for offset, film in enumerate(draw(rng, part, noise[rows])):
            name = f"{split}-{rows.start + offset:05d}.png"
            Image.fromarray(film).save(folder / "images" / split / name, compress_level=1)


def _table(split: str, people: People, stated: np.ndarray, texts: list[str]) -> pd.DataFrame:
    ids = [f"{split}-{i:05d}" for i in range(len(people))]
    frame = pd.DataFrame(
        {
            "image_id": ids,
            "patient_id": [f"{split}-p{p:05d}" for p in people.patient],
            "study_id": [f"s-{i}" for i in ids],
            "image_path": [f"images/{split}/{i}.png" for i in ids],
            "report": texts,
            "split": split,
            "view": "PA",
            "age": people.age,
            "race": np.array(RACES)[people.race],
            "sex": np.array(SEXES)[people.sex],
        }
    )
    return frame.assign(**{f: stated[:, i].astype(int) for i, f in enumerate(FINDINGS)})


def _make(
    folder: Path, *, preset: str, seed: int, n_train: int, n_test: int, ceiling: bool, mention: float | None
) -> None:
    population = PRESETS[preset]
    if mention is not None:
        population = replace(population, mention=mention)
    biased = population.ceiling() if ceiling else population

    def make_split(number: int) -> pd.DataFrame:
        split = SPLITS[number]
        # One stream for who and what, another for pixels: images do not depend on how reports are worded.
        who, text, pixels = (np.random.default_rng([seed, number, stream]) for stream in range(3))
        people = _people(who, split, biased=biased, population=population, n_train=n_train, n_test=n_test)
        stated = reported(text, people, biased, faithful=split not in _OWN_RECORDS)
        texts = write_reports(text, people, stated, mention=population.mention)
        _draw_split(folder, split, people, population, pixels)
        return _table(split, people, stated, texts)

    # Every split has streams of its own, so threads change the time and not a byte.
    with ThreadPoolExecutor(_THREADS) as pool:
        tables = list(pool.map(make_split, range(len(SPLITS))))
    info = CohortInfo(
        name=f"synthetic-{preset}{'-ceiling' if ceiling else ''}-seed{seed}",
        findings=list(FINDINGS),
        attributes=ATTRIBUTES,
        splits=list(SPLITS),
        source=f"adfair {__version__} synth --preset {preset} --seed {seed} --n-train {n_train}"
        + (" --ceiling" if ceiling else "")
        + ("" if mention is None else f" --mention {mention:g}"),
        licence="CC0-1.0 (drawn by a program; shows no person)",
    )
    write_cohort(folder, info, pd.concat(tables, ignore_index=True))


def synth(
    out: Path | str,
    *,
    preset: str = "default",
    seed: int = 0,
    n_train: int = 6000,
    n_test: int = 3600,
    ceiling: bool = False,
    mention: float | None = None,
    force: bool = False,
) -> Path:
    """Write a synthetic cohort of phantom chest films with template reports and known bias.

    Args:
        out: folder to make; it appears only when complete.
        preset: a name in ``PRESETS``.
        seed: same seed and version, same bytes.
        n_train: images in ``train``; ``val`` holds a fifth of that and is drawn alike.
        n_test: images in ``test`` and in ``probe``; ``test_reversed`` holds a third of that.
        ceiling: keep the preset's population and test sets but take the bias out of ``train`` and ``val``.
        mention: share of reports that name age, race and sex, from 0 to 1; the preset's by default.
        force: replace an existing folder.

    Returns:
        The folder.

    Raises:
        ConfigError: unknown preset or too few images. DataError: a cohort is there and ``force`` is off.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset '{preset}'; choose one of {', '.join(PRESETS)}")
    if n_train < 60 or n_test < 60:
        raise ConfigError(f"n_train {n_train}, n_test {n_test}: use at least 60 of each")
    if mention is not None and not 0 <= mention <= 1:
        raise ConfigError(f"mention {mention:g}: a share from 0 to 1")
    with staged_folder(Path(out), force=force) as folder:
        _make(
            folder,
            preset=preset,
            seed=seed,
            n_train=n_train,
            n_test=n_test,
            ceiling=ceiling,
            mention=mention,
        )
    return Path(out)
