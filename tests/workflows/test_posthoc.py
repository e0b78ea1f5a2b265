import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from adfair import adapt, erase
from adfair.data.manifest import group_codes, load_cohort, write_cohort
from adfair.errors import ConfigError, DataError
from adfair.evaluation.leakage import LeakageResult
from adfair.evaluation.subject import Subject
from adfair.evaluation.zero_shot import zero_shot_scores
from adfair.models.adapters.load import load_encoder
from adfair.models.dual_encoder import build_model, load_model, save_model
from adfair.models.posthoc import Affine, load_posthoc
from adfair.objectives.adapter import AdapterSettings
from adfair.workflows import before_after, frozen, posthoc
from adfair.workflows.evaluate import Protocol, evaluate

QUICK = AdapterSettings(steps=3, batch_size=16, hidden=4)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained towers; what they embed differs between groups all the same, since the films do."""
    folder = tmp_path_factory.mktemp("source")
    save_model(build_model("tiny", seed=0, image_size=64), folder / "model")
    return folder


@pytest.fixture(scope="module")
def erased(source: Path, small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("erased") / "leace"
    return erase(source, data=small_cohort, attributes=["race", "sex"], keep_findings=False, out=out)


def test_the_folder_is_a_model_with_its_correction_and_what_it_did(erased: Path, small_cohort: Path) -> None:
    assert {p.name for p in erased.iterdir()} == {"model", "before_after.csv"}
    about = json.loads((erased / "model" / "posthoc.json").read_text())
    assert about["kind"] == "leace"
    assert about["attributes"] == ["race", "sex"]
    assert about["manifest_sha256"] == load_cohort(small_cohort).info.manifest_sha256
    assert about["settings"] == {"keep_findings": False, "calibrate": False, "seed": 0, "rank": 3}
    table = pd.read_csv(erased / "before_after.csv", keep_default_na=False)
    assert table["metric"].tolist() == ["auc", "leakage_auc", "leakage_auc"]
    assert table["attribute"].tolist() == ["", "race", "sex"]
    towers, correction = load_model(erased / "model"), load_posthoc(erased / "model")
    assert correction is not None
    subject = Subject(replace(towers, posthoc=None), load_cohort(small_cohort))
    emb, truth = subject.image_emb("val"), subject.labels("val")
    expected = [
        np.mean([roc_auc_score(truth[:, f], scores[:, f]) for f in range(truth.shape[1])])
        for scores in (
            zero_shot_scores(each, subject.directions, logit_scale=1.0)
            for each in (emb, correction.transform(emb))
        )
    ]
    assert abs(expected[0] - expected[1]) > 1e-3
    found = pd.to_numeric(table.loc[0, ["before", "after"]])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("remedy", [erase, adapt])
@pytest.mark.parametrize("inside", ["model", "cohort"])
def test_force_never_removes_what_is_read(
    source: Path, small_cohort: Path, tmp_path: Path, remedy: Callable[..., Path], inside: str
) -> None:
    places = {"model": source, "cohort": small_cohort}
    places[inside] = Path(shutil.copytree(places[inside], tmp_path / "out" / inside))
    (tmp_path / "out" / "before_after.csv").touch()
    with pytest.raises(DataError, match="--force would remove"):
        remedy(places["model"], data=places["cohort"], out=tmp_path / "out", force=True)
    assert any(places[inside].iterdir())


def test_groups_of_the_training_split_have_one_mean_before_normalisation(
    erased: Path, source: Path, small_cohort: Path
) -> None:
    cohort = load_cohort(small_cohort)
    emb = Subject(load_model(source / "model"), cohort).image_emb("train").astype(float)
    found = load_posthoc(erased / "model")
    assert found is not None
    sex = group_codes(cohort.split("train")["sex"], cohort.info.attributes["sex"])
    moved = emb @ found.transform.matrix.T + found.transform.bias
    gap = [np.abs(each[sex == 0].mean(0) - each[sex == 1].mean(0)).max() for each in (emb, moved)]
    assert gap[0] > 1e-5
    assert gap[1] < 1e-9


def test_evaluation_uses_the_correction_and_open_clip_does_not(
    erased: Path, source: Path, small_cohort: Path, tmp_path: Path
) -> None:
    cohort = load_cohort(small_cohort)
    before = Subject(load_model(source / "model"), cohort)
    how = Protocol(replicates=0, validation=None)
    out = evaluate(erased, data=small_cohort, out=tmp_path / "after", how=how)
    found = load_posthoc(erased / "model")
    assert found is not None
    emb = found.transform(before.image_emb("test"))
    assert np.array_equal(np.load(out / "embeddings.npz")["image_emb"], emb)
    scale = before.model.net.logit_scale.exp().item()
    scores = zero_shot_scores(emb, before.directions, logit_scale=scale)
    written = pd.read_csv(out / "predictions.csv")["score"].to_numpy().reshape(5, -1).T
    assert np.allclose(written, scores, atol=1e-9)
    assert np.abs(written - before.scores("test")).max() > 1e-6
    alone = open_clip.create_model(f"local-dir:{erased / 'model'}", pretrained_hf=False).state_dict()
    towers = load_model(source / "model").net.state_dict()
    assert all(torch.equal(alone[name], towers[name]) for name in towers)


def test_refusals_leave_what_is_there(erased: Path, source: Path, small_cohort: Path, tmp_path: Path) -> None:
    ask = {"data": small_cohort, "out": tmp_path / "x"}
    with pytest.raises(ConfigError, match="leace, inlp, prompts"):
        erase(source, method="magic", **ask)
    with pytest.raises(ConfigError, match="'prompts', not to 'inlp'"):
        erase(source, method="inlp", calibrate=True, **ask)
    with pytest.raises(ConfigError, match="no 'religion'; it declares"):
        erase(source, attributes=["religion"], **ask)
    with pytest.raises(ConfigError, match="must not be negative"):
        adapt(source, weight=-1.0, **ask)
    with pytest.raises(ConfigError, match="has a post hoc correction already"):
        erase(erased, **ask)
    assert not (tmp_path / "x").exists()
    with pytest.raises(DataError, match="--force"):
        erase(source, data=small_cohort, out=erased)
    with pytest.raises(DataError, match="not a corrected model"):
        adapt(source, data=small_cohort, out=source, force=True)
    assert (source / "model" / "open_clip_config.json").is_file()


def test_correction_probes_and_test_have_patients_of_their_own(
    source: Path, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patients = load_cohort(small_cohort).split("train")["patient_id"].to_numpy()
    fitted_on, probed = [], []
    fit = posthoc.fit_leace

    def watch_fit(emb: np.ndarray, *rest: object) -> object:
        fitted_on.append((emb, fit(emb, *rest)))
        return fitted_on[-1][1]

    def watch_probe(emb: np.ndarray, *_: object, **options: object) -> LeakageResult:
        probed.append((emb, options))
        return LeakageResult("sex", ("F", "M"), 1, 1, 0, 0, note="not asked")

    monkeypatch.setattr(posthoc, "fit_leace", watch_fit)
    monkeypatch.setattr(before_after, "leakage", watch_probe)
    out = erase(source, data=small_cohort, attributes=["sex"], out=tmp_path / "x")
    (whole, _), (half, found) = fitted_on
    assert len(whole) == len(patients)
    (before, asked), (after, _) = probed
    fitters = patients[[(row == half).all(1).any() for row in whole]]
    sets = [set(fitters), set(asked["train_patients"]), set(asked["test_patients"])]
    assert sum(map(len, sets)) == len(set.union(*sets)) == len(set(patients))
    assert np.array_equal(after, Affine(found.matrix, found.bias)(before))
    row = pd.read_csv(out / "before_after.csv").iloc[1]
    assert np.isnan(row["after"])
    assert row["note"] == "held-out half of 'train'; not asked"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("inlp", {"rank", "stopped", "held_out_accuracy"}),
        ("prompts", {"rank"}),
        ("adapter", {"closeness", "steps"}),
    ],
)
def test_every_other_kind_is_saved_and_takes_unknown_groups(
    kind: str,
    told: set[str],
    source: Path,
    small_cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        before_after, "leakage", lambda *_, **__: LeakageResult("sex", ("F", "M"), 1, 1, 0, 0)
    )
    cohort = load_cohort(small_cohort)
    table = cohort.table.assign(sex=cohort.table["sex"].where(np.arange(len(cohort.table)) % 5 > 0, ""))
    info = cohort.info.model_copy(update={"image_root": str(cohort.image_root)})
    write_cohort(tmp_path / "cohort", info, table)
    ask = {"data": tmp_path / "cohort", "attributes": ["sex"], "out": tmp_path / "out"}
    out = adapt(source, settings=QUICK, **ask) if kind == "adapter" else erase(source, method=kind, **ask)
    found = load_posthoc(out / "model")
    assert found is not None
    assert found.about["kind"] == kind
    assert told <= found.about["settings"].keys()
    emb = Subject(load_model(source / "model"), cohort).image_emb("test")
    assert np.allclose(np.linalg.norm(found.transform(emb), axis=1), 1, atol=1e-6)
    if isinstance(found.transform, Affine):
        assert np.trace(np.eye(24) - found.transform.matrix) == pytest.approx(found.about["settings"]["rank"])
    else:
        assert np.abs(found.transform(emb) - emb).max() > 0


def test_an_attribute_known_of_too_few_patients_is_refused(
    source: Path, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "FEWEST", 1000)
    with pytest.raises(DataError, match=r"column 'race'.*1000 known patients"):
        erase(source, data=small_cohort, out=tmp_path / "x")


def test_patients_of_a_balanced_set_shape_no_correction(
    source: Path, small_cohort: Path, tmp_path: Path
) -> None:
    cohort = load_cohort(small_cohort)
    aside = sorted(set(cohort.split("train")["patient_id"]))[:20]
    pd.DataFrame({"patient_id": aside}).to_csv(tmp_path / "list.csv", index=False)
    info = cohort.info.model_copy(
        update={"exclude_patients": [str(tmp_path / "list.csv")], "image_root": str(cohort.image_root)}
    )
    write_cohort(tmp_path / "c", info, cohort.table)
    train = frozen.freeze(source, tmp_path / "c", ["sex"], keep_findings=True)
    assert not set(train.patients) & set(aside)
    out = erase(source, data=tmp_path / "c", attributes=["sex"], out=tmp_path / "out")
    about = json.loads((out / "model" / "posthoc.json").read_text())
    assert about["exclude_patients"]["patients"] == 20


def _foreign(source: Path, folder: Path, mode: str = "squash") -> Path:
    """Somebody's open_clip folder, whose films are squashed."""
    shutil.copytree(source / "model", folder)
    layout = json.loads((folder / "open_clip_config.json").read_text())
    layout["preprocess_cfg"] |= {"resize_mode": mode, "interpolation": "bilinear", "mean": [0.4, 0.45, 0.5]}
    (folder / "open_clip_config.json").write_text(json.dumps(layout))
    return folder


def test_a_folder_of_others_is_corrected_as_it_is_evaluated(
    source: Path, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = _foreign(source, tmp_path / "foreign")
    seen: list[np.ndarray] = []
    kept = posthoc.before_after
    monkeypatch.setattr(
        posthoc, "before_after", lambda train, *a, **k: seen.append(train.emb) or kept(train, *a, **k)
    )
    erase(foreign, data=small_cohort, attributes=["sex"], out=tmp_path / "e")
    cohort = load_cohort(small_cohort)
    np.testing.assert_array_equal(seen[0], Subject(load_encoder(foreign), cohort).image_emb("train"))
    # Wherever the folder goes, its correction and its preprocessing go with it.
    shutil.copytree(tmp_path / "e" / "model", tmp_path / "moved")
    expected = load_posthoc(tmp_path / "e" / "model").transform(seen[0])  # type: ignore[union-attr]
    for place in (tmp_path / "e", tmp_path / "moved", f"open_clip:{tmp_path / 'moved'}"):
        np.testing.assert_allclose(
            Subject(load_encoder(place), cohort).image_emb("train"), expected, atol=1e-6
        )
    prints = {load_encoder(place).fingerprint for place in (foreign, tmp_path / "moved")}
    assert len(prints) == 2


def test_a_corrected_run_is_read_as_a_run_wherever_it_goes(
    source: Path, small_cohort: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(source / "model", run / "model")
    (run / "config.yaml").write_text("{}")
    erase(run, data=small_cohort, attributes=["sex"], out=tmp_path / "e")
    shutil.copytree(tmp_path / "e" / "model", tmp_path / "moved")
    assert [load_encoder(tmp_path / name).name for name in ("e", "moved")] == ["adfair", "adfair"]
    assert load_encoder(tmp_path / "moved").posthoc is not None


def test_a_damaged_folder_is_one_line(source: Path, small_cohort: Path, tmp_path: Path) -> None:
    foreign = _foreign(source, tmp_path / "foreign")
    (foreign / "open_clip_config.json").write_text("{")
    with pytest.raises(ConfigError):
        erase(foreign, data=small_cohort, out=tmp_path / "e")
