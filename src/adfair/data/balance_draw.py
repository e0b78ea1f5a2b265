"""Fill the cells of a design from candidates, each patient used once: seeded, and independent of the order of rows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def draw_cells(
    candidates: pd.DataFrame, quotas: Mapping[str, int], *, seed: int, one_a_patient: bool = True
) -> pd.DataFrame:
    """Choose images for every cell.

    Scarce cells are filled first. Where one stays short though another holds a patient that it could have, patients
    are moved (augmenting paths, as in bipartite matching), so that a design is found short only if it must be.

    Args:
        candidates: rows with columns image_id, patient_id and cell; a patient may be a candidate of several cells.
        quotas: cell -> images wanted.
        one_a_patient: no patient twice in the whole set.

    Returns:
        The chosen rows, sorted by cell and image; fewer than the quota where there are no more.
    """
    rng = np.random.default_rng(seed)
    ordered = candidates.sort_values(["cell", "patient_id", "image_id"], kind="stable")
    shuffled = ordered.iloc[rng.permutation(len(ordered))]
    if not one_a_patient:
        parts = [own.head(quotas.get(str(cell), 0)) for cell, own in shuffled.groupby("cell")]
        return pd.concat(parts).sort_values(["cell", "image_id"]) if parts else shuffled
    # The first image of a patient within a cell, in random order, is the one that would be taken.
    firsts = shuffled.drop_duplicates(["cell", "patient_id"])
    offers = {str(cell): own["patient_id"].tolist() for cell, own in firsts.groupby("cell")}
    owner = _assign({cell: offers.get(cell, []) for cell in quotas}, quotas)
    mine = firsts["patient_id"].map(owner).eq(firsts["cell"])
    return firsts[mine].sort_values(["cell", "image_id"])


def _assign(offers: Mapping[str, list[str]], quotas: Mapping[str, int]) -> dict[str, str]:
    """Patient -> cell. Offers are in order of preference."""
    owner: dict[str, str] = {}
    for cell in sorted(quotas, key=lambda name: (len(offers[name]) - quotas[name], name)):
        for _ in range(quotas[cell]):
            if not _augment(cell, offers, owner):
                break
    return owner


def _augment(cell: str, offers: Mapping[str, list[str]], owner: dict[str, str]) -> bool:
    """Give ``cell`` one patient more, moving others along the shortest chain of cells if need be."""
    came_from: dict[str, tuple[str, str]] = {}
    seen, queue = {cell}, [cell]
    for current in queue:
        for patient in offers[current]:
            holder = owner.get(patient)
            if holder is None:
                _shift(current, patient, came_from, owner)
                return True
            if holder not in seen:
                seen.add(holder)
                came_from[holder] = (current, patient)
                queue.append(holder)
    return False


def _shift(cell: str, patient: str, came_from: dict[str, tuple[str, str]], owner: dict[str, str]) -> None:
    """``cell`` takes a free patient and passes one on to the cell that asked for it, and so on."""
    owner[patient] = cell
    while cell in came_from:
        cell, patient = came_from[cell]
        owner[patient] = cell


def matched_quotas(counts: pd.DataFrame, *, per_cell: int) -> pd.Series:
    """How many of each stratum every group gets, the same for all groups.

    In proportion to what the scarcest group has of each stratum (largest remainders), so that groups are alike in
    the matched variables and lose as little as possible of what there is (our choice).

    Args:
        counts: patients, one row a stratum and one column a group.

    Returns:
        Images by stratum; they sum to ``per_cell``, or to all that can be matched where that is less.
    """
    most = counts.min(axis=1).astype(int)
    total = int(most.sum())
    if total <= per_cell:
        return most
    exact = most * per_cell / total
    quota = exact.astype(int)  # rounds down
    remainder = (
        (exact - quota).sort_values(ascending=False, kind="stable").index[: per_cell - int(quota.sum())]
    )
    quota[remainder] += 1
    return quota
