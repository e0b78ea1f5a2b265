"""Retrieval between images and reports as rows of ``metrics.csv``: everyone, every group, and the gap between groups."""

import numpy as np
import pandas as pd

from adfair.auditing.rows import row
from adfair.data.manifest import group_codes
from adfair.evaluation.retrieval import (
    Hits,
    image_to_text,
    null_gaps,
    recall_gap,
    recall_interval,
    text_to_image,
)
from adfair.evaluation.subject import Subject
from adfair.metrics.intervals import permutation_p_value
from adfair.workflows.protocol_rows import Protocol

KS = (1, 5, 10)
LEVEL = 0.95
_WAYS = {"query=image": image_to_text, "query=report": text_to_image}


def retrieval_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """``retrieval_recall@k`` both ways (in ``stratum``) with the chance level of a blind model, by group of the query's
    patient, and ``retrieval_gap@k``, the largest less the smallest group's, with what equal groups would show."""
    table = subject.cohort.split(split)
    there = (table["report"].str.strip() != "").to_numpy()
    if not there.any():
        note = "undefined: the cohort has no reports"
        return pd.DataFrame([row(f"retrieval_recall@{k}", "mean", figures={}, note=note) for k in KS])
    reports = table["report"][there].tolist()
    texts, images = subject.text_emb(reports), subject.image_emb(split)[there]
    frames = []
    for stratum, way in _WAYS.items():
        rows = _rows(way(images, texts, reports, KS), table[there], subject, how)
        frames.append(pd.DataFrame(rows).assign(stratum=stratum))
    return pd.concat(frames, ignore_index=True)


def _rows(hits: Hits, table: pd.DataFrame, subject: Subject, how: Protocol) -> list[dict]:
    patients = table["patient_id"].to_numpy()
    out = _recall(hits, np.ones(len(table), bool), patients, "", "", how)
    for attribute, groups in subject.cohort.info.attributes.items():
        codes = group_codes(table[attribute], groups)
        for k, group in enumerate(groups):
            out += _recall(hits, codes == k, patients, attribute, group, how)
        out += _gaps(hits, codes, patients, attribute, how)
    return out


def _recall(
    hits: Hits, chosen: np.ndarray, patients: np.ndarray, attribute: str, group: str, how: Protocol
) -> list[dict]:
    if not chosen.any():
        return [
            row(
                f"retrieval_recall@{k}",
                "mean",
                attribute,
                group,
                figures={"n": 0},
                note="undefined: no image",
            )
            for k in KS
        ]
    hit = hits.hit[chosen]
    alone = len(np.unique(patients[chosen])) < 2
    low, high = recall_interval(hit, patients[chosen], replicates=how.replicates, level=LEVEL, seed=how.seed)
    out = []
    for j, k in enumerate(KS):
        figures = {
            "value": hit[:, j].mean(),
            "ci_low": np.nan if alone else low[j],
            "ci_high": np.nan if alone else high[j],
            "expected_by_chance": hits.chance[chosen, j].mean(),
            "n": len(hit),
        }
        note = "no interval: one patient" if alone else ""
        out.append(row(f"retrieval_recall@{k}", "mean", attribute, group, figures=figures, note=note))
    return out


def _gaps(hits: Hits, codes: np.ndarray, patients: np.ndarray, attribute: str, how: Protocol) -> list[dict]:
    if np.unique(codes[codes >= 0]).size < 2:
        note = "undefined: a gap needs two groups"
        return [row(f"retrieval_gap@{k}", "mean", attribute, figures={}, note=note) for k in KS]
    values = recall_gap(hits.hit, codes)
    null = null_gaps(hits.hit, codes, patients, permutations=min(how.replicates, 1000), seed=how.seed)
    out = []
    for j, k in enumerate(KS):
        figures = {
            "value": values[j],
            "expected_by_chance": null[:, j].mean() if len(null) else np.nan,
            "p_value": float(permutation_p_value(values[j], null[:, j])),
            "n": int((codes >= 0).sum()),
        }
        out.append(row(f"retrieval_gap@{k}", "mean", attribute, figures=figures))
    return out
