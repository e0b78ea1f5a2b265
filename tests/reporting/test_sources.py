"""Reading result folders: what is accepted, and what is refused with a remedy."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

from adfair.errors import DataError
from adfair.reporting.sources import read_sources
from adfair.reporting.verdict import verdict


def test_a_demo_folder_gives_models_test_sets_runs_and_facts(demo: Path) -> None:
    data = read_sources([demo])
    assert data.models == ("clip", "adfair")
    assert data.test_sets == ("test", "test_reversed", "test_5x90")
    assert data.attributes == ("race", "sex")
    assert [run.name for run in data.runs] == ["clip", "adfair"]
    assert len(data.runs[0].log) == 100
    assert data.facts["seed"] == 0
    assert data.title == "Fairness report: CLIP and AdFair-CLIP"


def test_an_evaluation_folder_and_its_further_test_sets(fake: SimpleNamespace, tmp_path: Path) -> None:
    table = fake.comparison(models=("clip",)).drop(columns=["model", "test_set"])
    for folder in (tmp_path / "audit", tmp_path / "audit" / "test_reversed"):
        folder.mkdir()
        table.to_csv(folder / "metrics.csv", index=False)
    data = read_sources([tmp_path / "audit"])
    assert data.models == ("audit",)
    assert data.test_sets == ("test", "test_reversed")


def test_two_folders_of_one_name_stay_apart(fake: SimpleNamespace, tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "audit").mkdir(parents=True)
        table = fake.comparison(models=("clip",)).drop(columns=["model", "test_set"])
        table.to_csv(tmp_path / parent / "audit" / "metrics.csv", index=False)
    data = read_sources([tmp_path / "a" / "audit", tmp_path / "b" / "audit"])
    assert data.models == ("a/audit", "b/audit")


def _of_one(fake: SimpleNamespace, folder: Path, *, split: str = "test") -> Path:
    """An evaluation of one model."""
    folder.mkdir(parents=True)
    table = fake.comparison(models=("clip",)).drop(columns=["model", "test_set"])
    table.to_csv(folder / "metrics.csv", index=False)
    (folder / "evaluation.json").write_text(json.dumps({"split": split}), encoding="utf-8")
    return folder


def _pair_of(folder: Path, a: str, b: str) -> Path:
    """Paired differences as ``adfair compare`` writes them."""
    folder.mkdir()
    line = {"model_a": a, "model_b": b, "metric": "auc", "finding": "mean", "attribute": "", "group": ""}
    line |= {"value_a": 0.8, "value_b": 0.9, "difference": 0.1, "ci_low": 0.05, "ci_high": 0.15}
    pd.DataFrame([line]).to_csv(folder / "comparison.csv", index=False)
    return folder


def test_evaluations_below_their_runs_are_called_like_the_runs(fake: SimpleNamespace, tmp_path: Path) -> None:
    data = read_sources([_of_one(fake, tmp_path / name / "test") for name in ("m1", "m2")])
    assert data.models == ("m1", "m2")
    assert data.title == "Fairness report: m1 and m2"
    assert list(data.files) == ["m1/test/metrics.csv", "m2/test/metrics.csv"]


def test_a_model_of_a_comparison_is_not_told_again_from_its_own_folder(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    clip, other = (_of_one(fake, tmp_path / "demo" / name) for name in ("clip", "other"))
    pair = _pair_of(tmp_path / "pair", "clip", "auto")
    for order in ([pair, clip], [clip, pair]):
        with pytest.raises(DataError, match=r"pair: model 'clip' is in .*demo/clip too\. Leave one"):
            read_sources(order)
    assert set(read_sources([pair, other]).models) == {"clip", "auto", "other"}
    assert set(read_sources([pair, _pair_of(tmp_path / "next", "clip", "adfair")]).models) == {
        "clip",
        "auto",
        "adfair",
    }


def test_two_tables_of_several_models_may_not_share_one(fake: SimpleNamespace, tmp_path: Path) -> None:
    demo = fake.demo(tmp_path / "demo")
    again = tmp_path / "again"
    again.mkdir()
    fake.comparison(models=("clip",)).to_csv(again / "comparison.csv", index=False)
    for other in (again, _pair_of(tmp_path / "pair", "clip", "auto")):
        with pytest.raises(DataError, match=r"model 'clip' is in .*demo too"):
            read_sources([demo, other])
    assert set(read_sources([_of_one(fake, tmp_path / "x" / "clip"), demo]).models) == {
        "clip",
        "adfair",
        "x/clip",
    }


def test_a_group_named_nan_or_na_is_a_group(fake: SimpleNamespace, tmp_path: Path) -> None:
    table = fake.comparison()
    table.loc[table["group"] == "Asian", "group"] = "NA"
    table.to_csv(tmp_path / "comparison.csv", index=False)
    assert "NA" in read_sources([tmp_path]).groups("race")


def test_images_stay_out_unless_declared_synthetic(fake: SimpleNamespace, tmp_path: Path) -> None:
    assert read_sources([fake.demo(tmp_path / "real", synthetic=False)]).samples is None
    assert read_sources([fake.demo(tmp_path / "drawn", synthetic=True)]).samples is not None


def _missing_folder(folder: Path) -> Path:
    return folder / "nowhere"


def _no_table(folder: Path) -> Path:
    return folder


def _no_column(folder: Path) -> Path:
    pd.DataFrame({"metric": ["auc"]}).to_csv(folder / "metrics.csv", index=False)
    return folder


def _no_rows(folder: Path) -> Path:
    pd.DataFrame(columns=["metric", "finding", "attribute", "group", "value"]).to_csv(
        folder / "metrics.csv", index=False
    )
    return folder


def _not_a_number(folder: Path) -> Path:
    text = "metric,finding,attribute,group,value\nauc,mean,,,0.5\nauc,mean,,,high\n"
    (folder / "metrics.csv").write_text(text, encoding="utf-8")
    return folder


def _no_model(folder: Path) -> Path:
    text = "metric,finding,attribute,group,value\nauc,mean,,,0.5\n"
    (folder / "comparison.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_missing_folder, "no such folder"),
        (_no_table, "no comparison.csv and no metrics.csv"),
        (_no_column, "no column finding, attribute, group and value"),
        (_no_rows, "no rows"),
        (_not_a_number, "row 2, column 'value': not a number"),
        (_no_model, "no column model and test_set"),
    ],
)
def test_what_cannot_be_read_is_named_with_a_remedy(tmp_path: Path, make, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_sources([make(tmp_path)])
    assert str(tmp_path) in str(caught.value)


def test_a_broken_log_line_is_named(fake: SimpleNamespace, tmp_path: Path) -> None:
    folder = fake.demo(tmp_path / "demo")
    with (folder / "clip" / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write("{half a li")
    with pytest.raises(DataError, match=r"log\.jsonl, row 101: not JSON"):
        read_sources([folder])


def test_a_demo_json_without_keys(fake: SimpleNamespace, tmp_path: Path) -> None:
    folder = fake.demo(tmp_path / "demo")
    (folder / "demo.json").write_text(json.dumps([1, 2]), encoding="utf-8")
    with pytest.raises(DataError, match="holds no keys"):
        read_sources([folder])


def test_no_folder_at_all() -> None:
    with pytest.raises(DataError, match="no folder given"):
        read_sources([])


def test_a_configuration_of_more_than_plain_values(fake: SimpleNamespace, tmp_path: Path) -> None:
    folder = fake.demo(tmp_path / "demo")
    (folder / "clip" / "config.yaml").write_text(yaml.dump({"x": Path("p")}), encoding="utf-8")
    with pytest.raises(DataError, match=r"config\.yaml: cannot be read"):
        read_sources([folder])


def test_paired_values_give_both_models_and_their_differences(fake: SimpleNamespace, tmp_path: Path) -> None:
    rows = [
        {"metric": "auc", "finding": "mean", "value_a": 0.88, "value_b": 0.89, "difference": 0.01},
        {
            "metric": "equalized_odds_difference",
            "attribute": "race",
            "value_a": 0.2,
            "value_b": 0.1,
            "difference": -0.1,
        },
    ]
    table = pd.DataFrame(rows).assign(model_a="clip", model_b="adfair", group="", ci_low=0.002, ci_high=0.02)
    table.loc[1, ["finding", "ci_low", "ci_high"]] = ["mean", -0.15, -0.05]
    table.to_csv(tmp_path / "comparison.csv", index=False)
    data = read_sources([tmp_path])
    assert data.models == ("clip", "adfair")
    found = verdict(data)
    assert "a smaller gap between race groups, at higher accuracy" in found.headline
    assert found.sentences[1] == "Mean AUC rose from .880 with CLIP to .890 with AdFair-CLIP."


def test_pairs_of_groups_are_no_groups(fake: SimpleNamespace, tmp_path: Path) -> None:
    table = fake.comparison()
    pairs = table[(table["metric"] == "tpr") & (table["group"] == "Asian")]
    pairs = pairs.assign(metric="tpr_difference", group="Asian-Black")
    pd.concat([table, pairs]).to_csv(tmp_path / "comparison.csv", index=False)
    assert read_sources([tmp_path]).groups("race") == ("Asian", "Black", "White", "Unknown")
