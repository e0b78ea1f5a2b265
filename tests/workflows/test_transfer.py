import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.cli.app import run as command
from adfair.data.synthetic import synth
from adfair.errors import ConfigError, DataError
from adfair.models.dual_encoder import build_model, save_model
from adfair.workflows.protocol_rows import Protocol
from adfair.workflows.transfer import _lines, transfer

MAP = {"Edema": "Edema", "Consolidation": ["Consolidation", "Atelectasis"]}
QUICK = Protocol(replicates=10)


@pytest.fixture(scope="module")
def places(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("transfer")
    other = synth(folder / "other", n_train=100, n_test=100, seed=11)
    return {"model": save_model(build_model("tiny", seed=0, image_size=64), folder / "m"), "to": other}


@pytest.mark.parametrize("protocol", ["zero_shot", "linear_probe"])
def test_thresholds_are_carried_over(
    protocol: str, places: dict[str, Path], small_cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t"
    lines = transfer(
        places["model"],
        data=small_cohort,
        to=places["to"],
        finding_map=MAP,
        out=out,
        protocol=protocol,
        how=QUICK,
    )
    assert any("equalized_odds_difference race" in line for line in lines)
    sides = [pd.read_csv(out / name / "metrics.csv") for name in ("in_domain", "out_of_domain")]
    chosen = [side[side["metric"] == "threshold"]["value"].tolist() for side in sides]
    assert chosen[0] == chosen[1]
    found = pd.read_csv(out / "transfer.csv").query("metric == 'auc' and finding == 'Edema'")
    for name, side in zip(("in_domain", "out_of_domain"), sides, strict=True):
        audited = side.query("metric == 'auc' and finding == 'Edema'")
        np.testing.assert_allclose(found[name], audited["value"])
    facts = json.loads((out / "transfer.json").read_text())
    assert facts["finding_map"]["Consolidation"] == ["Consolidation", "Atelectasis"]
    with pytest.raises(DataError, match="--force"):
        transfer(places["model"], data=small_cohort, to=places["to"], finding_map=MAP, out=out)


def test_a_figure_that_is_undefined_is_said_in_words() -> None:
    shared = {"metric": "auc", "finding": "mean", "group": ""}
    figures = dict.fromkeys(("in_domain", "out_of_domain", "difference", "ci_low", "ci_high"), np.nan)
    rows = [{**shared, "attribute": "", **figures, "note": "no positives"}]
    rows.append({**shared, "attribute": "sex", **dict.fromkeys(figures, 0.25), "note": ""})
    assert _lines(pd.DataFrame(rows)) == [
        "auc: no positives",
        "auc sex: 0.250 in domain, 0.250 out of domain, change +0.250 [+0.250, +0.250]",
    ]


def test_refusals(places: dict[str, Path], small_cohort: Path, tmp_path: Path) -> None:
    arguments = {"data": small_cohort, "to": places["to"], "finding_map": MAP, "out": tmp_path / "t"}
    with pytest.raises(ConfigError, match="linear_probe"):
        transfer(places["model"], **arguments, protocol="leakage")
    for how in (Protocol(validation=None), Protocol(validation=None, calibrate="sigmoid")):
        protocol = "zero_shot" if how.calibrate == "sigmoid" else "linear_probe"
        with pytest.raises(ConfigError, match="--validation"):
            transfer(places["model"], **arguments, protocol=protocol, how=how)


def test_the_command(places: dict[str, Path], small_cohort: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "m.yaml").write_text("Edema: Edema\n")
    line = ["transfer", str(places["model"]), "--data", str(small_cohort), "--to", str(places["to"])]
    line += [
        "--map",
        str(tmp_path / "m.yaml"),
        "--out",
        str(tmp_path / "o"),
        "--replicates",
        "10",
        "--no-cache",
    ]
    assert command(line) == 0
    assert "out of domain" in capsys.readouterr().out
    assert command([*line, "--force", "--calibrate", "platt"]) == 2


def test_options_that_are_about_zero_shot_scores_and_images_that_teach(
    places: dict[str, Path], small_cohort: Path, tmp_path: Path
) -> None:
    def go(how: Protocol, **more: str) -> None:
        out, to = tmp_path / "t", places["to"]
        transfer(places["model"], data=small_cohort, to=to, finding_map=MAP, out=out, how=how, **more)

    for how, key in (
        (replace(QUICK, calibrate="sigmoid"), "calibrate"),
        (replace(QUICK, threshold="0.5"), "threshold"),
    ):
        with pytest.raises(ConfigError, match=f"--{key} is about zero-shot scores"):
            go(how, protocol="linear_probe")
    with pytest.raises(ConfigError, match="split 'val' is what --validation names"):
        go(QUICK, protocol="linear_probe", split="val")
    with pytest.raises(ConfigError, match="taught on split 'train', which would be evaluated"):
        go(QUICK, protocol="linear_probe", split="train")
    with pytest.raises(ConfigError, match=r"--threshold f1 .*--validation"):
        go(replace(QUICK, validation=None, threshold="f1"))
    go(QUICK, split="val")
    tables = {
        side: pd.read_csv(tmp_path / "t" / side / "metrics.csv") for side in ("in_domain", "out_of_domain")
    }
    notes = tables["in_domain"].query("metric == 'threshold'")["note"]
    assert notes.str.contains("in-sample").all()


@pytest.mark.parametrize(
    ("how", "rule"),
    [
        (QUICK, "youden"),
        (replace(QUICK, validation=None), None),
        (replace(QUICK, validation=None, threshold="0.4"), "0.4"),
    ],
)
def test_the_record_has_the_rule_that_was_used(
    how: Protocol, rule: str | None, places: dict[str, Path], small_cohort: Path, tmp_path: Path
) -> None:
    to, out = places["to"], tmp_path / "t"
    transfer(places["model"], data=small_cohort, to=to, finding_map=MAP, out=out, how=how)
    assert json.loads((out / "transfer.json").read_text())["threshold"] == rule


@pytest.mark.parametrize(
    ("to_split", "how", "protocol"),
    [
        ("train", QUICK, "linear_probe"),
        ("val", QUICK, "linear_probe"),
        ("val", replace(QUICK, calibrate="isotonic"), "zero_shot"),
    ],
)
def test_images_of_the_same_cohort_that_taught_are_not_scored_as_another_domain(
    to_split: str, how: Protocol, protocol: str, places: dict[str, Path], small_cohort: Path, tmp_path: Path
) -> None:
    same = {name: name for name in MAP}
    where = {"data": small_cohort, "to": small_cohort, "finding_map": same, "out": tmp_path / "t"}
    with pytest.raises(ConfigError, match=f"its split '{to_split}' served to make"):
        transfer(places["model"], **where, to_split=to_split, protocol=protocol, how=how)


def test_tables_that_are_there_are_written_over_with_force_alone(
    places: dict[str, Path], small_cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "t" / "in_domain").mkdir(parents=True)
    with pytest.raises(DataError, match="exists already"):
        transfer(places["model"], data=small_cohort, to=places["to"], finding_map=MAP, out=tmp_path / "t")
