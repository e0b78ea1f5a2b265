import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from adfair.config import Config, build_config
from adfair.data.manifest import Cohort, load_cohort
from adfair.errors import ConfigError, DataError
from adfair.training.identity import data_hash
from adfair.training.inputs import (
    attribute_codes,
    group_ratios,
    groups_held,
    require_groups,
    row_weights,
    train_data,
    wanted_attributes,
)


@pytest.fixture(scope="module")
def cohort(small_cohort: Path) -> Cohort:
    return load_cohort(small_cohort)


def tokens(texts) -> torch.Tensor:
    return torch.zeros(len(texts), 3, dtype=torch.int64)


def test_a_column_of_numbers_is_continuous_standardised_with_unknown_kept(cohort: Cohort) -> None:
    table = cohort.split("train").copy()
    table["age"] = table["age"].astype(float)
    table.loc[3, "age"] = np.nan
    age = attribute_codes(cohort, table, ["race", "age"])["age"]
    assert age.dtype == torch.float32
    assert age.isnan().nonzero().flatten().tolist() == [3]
    known = age[~age.isnan()].double()
    assert known.mean().item() == pytest.approx(0, abs=1e-5)
    assert known.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_refusals(cohort: Cohort) -> None:
    table = cohort.split("train")
    for name in ("religion", "report"):
        with pytest.raises(ConfigError, match="no column of numbers"):
            attribute_codes(cohort, table, [name])
    with pytest.raises(DataError, match="fewer than two groups"):
        attribute_codes(cohort, table[table["race"] == "White"], ["race"])
    with pytest.raises(DataError, match="fewer than two values"):
        attribute_codes(cohort, table.assign(age=50.0), ["age"])


def test_which_attributes_a_run_reads() -> None:
    def wanted(*keys: str) -> list[str]:
        return wanted_attributes(build_config({}, keys))

    plain = "objective.fairness=none"
    assert wanted() == ["race", "sex"]
    assert wanted(plain) == []
    assert wanted(plain, "data.sampling=reweight_group") == ["race", "sex"]
    with pytest.raises(ConfigError, match="reweight_group needs some"):
        wanted(plain, "data.sampling=reweight_group", "objective.attributes=[]")


def test_weights_and_draws_by_name() -> None:
    codes = {"race": torch.tensor([0] * 6 + [1] * 2), "age": torch.zeros(8)}
    stated = torch.tensor([[1.0], [0.0]] * 4)
    assert row_weights("natural", codes, stated) == (None, None)
    weights, drawn = row_weights("reweight_group", codes, stated)
    assert drawn is None
    assert weights is not None
    assert weights.tolist() == pytest.approx([8 / 12] * 6 + [2.0] * 2)
    weights, drawn = row_weights("group_balanced", codes, stated)
    assert weights is None
    assert drawn is not None
    assert drawn[:6].sum() == pytest.approx(0.5)
    assert row_weights("finding_group_balanced", codes, stated)[1] is not None
    with pytest.raises(ConfigError, match="with groups"):
        row_weights("reweight_group", {"age": torch.zeros(8)}, stated)


def test_training_data_say_what_their_rows_are(cohort: Cohort) -> None:
    config: Config = build_config({}, ["objective.condition=findings"])
    data = train_data(cohort, config, image_size=64, tokenize=tokens)
    n, f = len(data), len(cohort.info.findings)
    assert data.findings.shape == (n, f)
    assert data.findings.unique().tolist() == [0.0, 1.0]
    assert len(data.prompt_tokens) == f
    assert len(data.patients) == n
    assert data.group_counts == {"race": 3, "sex": 2}
    other = Cohort(cohort.root, cohort.info, cohort.table.iloc[::-1].reset_index(drop=True))
    assert train_data(other, config, image_size=64, tokenize=tokens).index != data.index
    idle = train_data(cohort, build_config({}), image_size=64, tokenize=tokens)
    assert idle.findings.shape == (n, 0)
    assert idle.index == data.index


def test_what_findings_tell_about_groups_is_there_where_it_is_needed(cohort: Cohort) -> None:
    config: Config = build_config({}, ["objective.negatives=group_adjusted"])
    data = train_data(cohort, config, image_size=64, tokenize=tokens)
    assert data.log_ratios.shape == (len(data), 6)
    assert set(data.cells.tolist()) == set(range(6))
    # Rows that state the same are told the same about each group, but for the fold they are held out in.
    assert len(data.log_ratios.unique(dim=0)) <= 5 * len(data.findings.unique(dim=0))
    idle = train_data(cohort, build_config({}), image_size=64, tokenize=tokens)
    assert (idle.cells.numel(), idle.log_ratios.numel()) == (0, 0)
    with pytest.raises(ConfigError, match="with groups"):
        group_ratios({"age": torch.zeros(8)}, torch.zeros(8, 1), np.arange(8), seed=0)


def test_scrubbed_reports_are_counted_and_only_the_text_changes(cohort: Cohort) -> None:
    seen: list[list[str]] = []

    def read(texts) -> torch.Tensor:
        seen.append(list(texts))
        return tokens(texts)

    plain = train_data(cohort, build_config({}), image_size=64, tokenize=read)
    n, before = len(plain), next(texts for texts in seen if len(texts) == len(plain))
    assert plain.provenance == {}
    assert before == cohort.split("train")["report"].tolist()
    seen.clear()
    data = train_data(
        cohort, build_config({}, ["data.scrub_demographics=true"]), image_size=64, tokenize=read
    )
    after = next(texts for texts in seen if len(texts) == n)
    counts = data.provenance["scrub_demographics"]
    assert counts["changed"] == sum(a != b for a, b in zip(before, after, strict=True)) > 0
    assert counts["emptied"] == 0
    assert torch.equal(data.images, plain.images)


def test_excluded_patients_are_not_trained_on(cohort: Cohort, tmp_path: Path) -> None:
    out = cohort.split("train")["patient_id"].iloc[:2]
    (tmp_path / "list.csv").write_text("patient_id\n" + "\n".join(out) + "\n")
    config = build_config({}, [f"data.exclude_patients=[{tmp_path / 'list.csv'}]"])
    data = train_data(cohort, config, image_size=64, tokenize=tokens)
    left = cohort.split("train")[lambda t: ~t["patient_id"].isin(out)]
    assert len(data) == len(left) < len(cohort.split("train"))
    assert data.provenance["exclude_patients"]["images_left_out"] == {
        "train": len(cohort.split("train")) - len(left)
    }


@pytest.mark.parametrize("format", ["memmap", "webdataset"])
def test_a_cache_gives_the_same_data(small_cohort: Path, tmp_path: Path, format: str) -> None:
    from adfair.training.identity import data_hash
    from adfair.workflows.prepare import prepare

    root = tmp_path / "cohort"
    shutil.copytree(small_cohort, root)
    config = build_config({"data": {"cohort": str(root)}, "objective": {"fairness": "none"}})
    decoded = train_data(load_cohort(root), config, image_size=64, tokenize=tokens)
    prepare(root, size=64, workers=1, format=format)  # type: ignore[arg-type]
    cached = train_data(load_cohort(root), config, image_size=64, tokenize=tokens)
    rows = torch.tensor([5, 119, 5])
    assert torch.equal(cached.images[rows], decoded.images[rows])
    assert (data_hash(cached) == data_hash(decoded)) == (format == "memmap")
    assert (cached.shards is None) == (format == "memmap")


def test_a_step_sees_one_sentence_of_each_report(cohort: Cohort) -> None:
    def lengths(texts) -> torch.Tensor:  # type: ignore[no-untyped-def]
        return torch.tensor([[len(text)] for text in texts])

    whole = train_data(cohort, build_config({}), image_size=16, tokenize=lengths)
    config = build_config({"data": {"sentences": "sample"}})
    sampled = train_data(cohort, config, image_size=16, tokenize=lengths)
    rows = torch.arange(len(whole))
    assert torch.equal(whole.texts(rows, seed=0, step=0), whole.tokens)
    seen = sampled.texts(rows, seed=0, step=0)
    assert (seen <= whole.tokens).all()
    assert (seen < whole.tokens).any()
    assert torch.equal(seen, sampled.texts(rows, seed=0, step=0))
    assert not torch.equal(seen, sampled.texts(rows, seed=0, step=1))
    assert data_hash(sampled) != data_hash(whole)


def test_groups_without_a_row_are_none_to_be_told_apart() -> None:
    codes = {
        "race": torch.tensor([5, 1, -1, 5, 3]),
        "sex": torch.tensor([1, 0, 1, -1, 0]),
        "age": torch.rand(5),
    }
    found, counts = groups_held(codes)
    assert counts == {"race": 3, "sex": 2, "age": 1}
    assert found["race"].tolist() == [2, 0, -1, 2, 1]
    assert torch.equal(found["sex"], codes["sex"])
    assert found["age"] is codes["age"]


@pytest.mark.parametrize("aim", [{"fairness": "mmd"}, {"fairness": "none", "negatives": "same_cell"}])
def test_numbers_are_refused_where_groups_are_compared(aim: dict[str, str]) -> None:
    config = build_config({"objective": {**aim, "attributes": ["age"]}})
    with pytest.raises(ConfigError, match="groups"):
        require_groups(config, {"age": torch.rand(4)})
