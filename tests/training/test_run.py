import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from adfair.config import Config, build_config, load_config
from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError, DataError, TrainingError
from adfair.objectives import CONTRASTIVE, Batch, Pairing
from adfair.objectives.contrastive import InfoNCE
from adfair.training import train
from adfair.training.guards import check_finite, check_gradients
from adfair.training.plan import plan
from adfair.training.run import outlook

STEPS = 6


def config(cohort: Path, *overrides: str):
    fast = [f"train.steps={STEPS}", "data.batch_size=32", "train.log_every=1", "train.checkpoint_every=3"]
    return build_config({"data": {"cohort": str(cohort)}}, [*fast, *overrides])


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "open_clip_model.safetensors")


def log_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def plain(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "clip"
    return train(config(small_cohort, "objective.fairness=none"), out=out)


def test_a_run_folder_holds_what_the_contract_says(plain: Path) -> None:
    assert {p.name for p in plain.iterdir()} == {
        "config.yaml",
        "log.jsonl",
        "checkpoints",
        "model",
        "environment.json",
    }
    log = log_of(plain)
    assert [entry["step"] for entry in log] == list(range(STEPS))
    assert log[0]["contrastive_chance"] == pytest.approx(3.4657, abs=1e-3)
    assert (plain / "checkpoints" / "step-000006" / "manifest.json").is_file()
    assert (
        json.loads((plain / "environment.json").read_text())["versions"]["torch"]
        == torch.__version__.split("+")[0]
    )


@pytest.mark.parametrize("update", ["reversal", "alternating"])
def test_adversary_weight_zero_is_plain_clip_bit_for_bit(
    plain: Path, small_cohort: Path, tmp_path: Path, update: str
) -> None:
    run = train(
        config(
            small_cohort,
            "objective.adversary_weight=0",
            f"objective.update={update}",
            "objective.target=both",
        ),
        out=tmp_path / "run",
    )
    ours, theirs = weights(run), weights(plain)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_a_positive_weight_changes_the_towers_and_is_logged(
    plain: Path, small_cohort: Path, tmp_path: Path
) -> None:
    run = train(config(small_cohort, "objective.delay=0", "objective.ramp=0"), out=tmp_path / "run")
    assert not torch.equal(weights(run)["visual.conv1.weight"], weights(plain)["visual.conv1.weight"])
    last = [e for e in log_of(run) if "contrastive" in e][-1]
    assert set(last["adversary_loss"]) == {"image:race", "image:sex"}
    assert last["adversary_weight"] == 1.5


def test_same_seed_same_bits(plain: Path, small_cohort: Path, tmp_path: Path) -> None:
    again = train(config(small_cohort, "objective.fairness=none"), out=tmp_path / "again")
    assert all(torch.equal(weights(again)[k], weights(plain)[k]) for k in weights(plain))


def test_a_frozen_image_tower_does_not_move(small_cohort: Path, tmp_path: Path) -> None:
    from adfair.models.dual_encoder import build_model

    run = train(
        config(small_cohort, "model.freeze=[image_tower]", "objective.fairness=none"), out=tmp_path / "run"
    )
    start = build_model("tiny", seed=0, image_size=64).net.state_dict()
    end = weights(run)
    assert all(torch.equal(start[k], end[k]) for k in start if k.startswith("visual."))
    assert not torch.equal(start["text_projection"], end["text_projection"])


def test_refusals_leave_nothing_behind(small_cohort: Path, plain: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--force"):
        train(config(small_cohort), out=plain)
    out = tmp_path / "run"
    with pytest.raises(ConfigError, match="no attribute and no column of numbers 'religion'"):
        train(config(small_cohort, "objective.attributes=[religion]"), out=out)
    with pytest.raises(ConfigError, match="attributes is empty"):
        train(config(small_cohort, "objective.attributes=[]"), out=out)
    with pytest.raises(DataError):
        train(config(tmp_path / "absent"), out=out)
    assert not out.exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="is not a run"):
        train(config(small_cohort), out=tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_folder_with_a_config_of_the_users_is_no_run(small_cohort: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0")
    for how in ({"force": True}, {"resume": True}, {}):
        with pytest.raises(DataError, match="is not a run"):
            train(config(small_cohort), out=tmp_path, **how)
    assert (tmp_path / "config.yaml").read_text() == "seed: 0"


@pytest.fixture
def run_with_inputs(small_cohort: Path, plain: Path, tmp_path: Path) -> Path:
    """A run whose folder also holds a cohort, a configuration and towers."""
    run = tmp_path / "run"
    (run / "mine").mkdir(parents=True)
    for name in ("config.yaml", "environment.json"):
        shutil.copy(plain / name, run / name)
    shutil.copytree(plain / "model", run / "mine" / "model")
    shutil.copytree(small_cohort, run / "mine" / "cohort")
    (run / "mine" / "c.yaml").write_text(config(small_cohort, "train.steps=1").to_yaml())
    return run


@pytest.mark.parametrize("inside", ["cohort", "config", "towers", "list"])
def test_force_never_removes_what_is_read(run_with_inputs: Path, small_cohort: Path, inside: str) -> None:
    run, mine = run_with_inputs, run_with_inputs / "mine"
    (mine / "list.csv").write_text(f"patient_id\n{load_cohort(small_cohort).table['patient_id'].iloc[0]}\n")
    asked: Config | Path = {
        "cohort": config(mine / "cohort"),
        "config": mine / "c.yaml",
        "towers": config(small_cohort, f"model.pretrained={mine / 'model'}"),
        "list": config(small_cohort, f"data.exclude_patients=[{mine / 'list.csv'}]"),
    }[inside]
    before = sorted(run.rglob("*"))
    with pytest.raises(DataError, match="--force would remove"):
        train(asked, out=run, force=True)
    if isinstance(asked, Path):
        with pytest.raises(DataError, match="--force would remove"):
            train(load_config(asked), out=run, force=True, source=asked)
    assert sorted(run.rglob("*")) == before


def test_a_run_is_made_again_from_its_own_record_and_after_an_early_kill(
    plain: Path, small_cohort: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.yaml", "environment.json"):
        shutil.copy(plain / name, run / name)
    (run / "config.yaml").write_text(config(small_cohort, "train.steps=1").to_yaml())
    train(run / "config.yaml", out=run, force=True)
    assert len([e for e in log_of(run) if "contrastive" in e]) == 1


def test_what_a_dry_run_says_of_the_folder(plain: Path, tmp_path: Path) -> None:
    def said(out: Path, **how: bool) -> str:
        return outlook(out, **{"force": False, "resume": False, **how})

    assert "a new run" in said(tmp_path / "new")
    (tmp_path / "config.yaml").touch()
    assert "is not a run: it would be refused" in said(tmp_path, force=True)
    assert "--resume" in said(plain)
    assert "would be replaced" in said(plain, force=True)
    assert "would be left as it is" in said(plain, resume=True)
    half = tmp_path / "half"
    half.mkdir()
    for name in ("config.yaml", "environment.json"):
        shutil.copy(plain / name, half / name)
    assert "newest whole checkpoint" in said(half, resume=True)


def test_towers_that_explode_stop_the_run_and_not_the_adversary(small_cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="step 1: the contrastive term"):
        train(config(small_cohort, "train.lr=1e30", "train.warmup=0", "train.steps=2"), out=tmp_path / "run")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_loss_stops_before_the_update(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    class Broken(InfoNCE):
        def __call__(self, batch: Batch) -> Pairing:
            return Pairing((batch.image_emb * batch.text_emb).sum() * bad, batch.image_emb[:, 0])

    monkeypatch.setitem(CONTRASTIVE, "infonce", lambda setting: Broken())
    with pytest.raises(TrainingError, match="step 0: the contrastive term"):
        train(config(small_cohort, "objective.fairness=none"), out=tmp_path / "run")
    assert not (tmp_path / "run" / "model").exists()


def test_guards_name_the_term_and_the_parameter() -> None:
    with pytest.raises(TrainingError, match="step 4: the fairness term is nan"):
        check_finite(4, contrastive=torch.tensor(1.0), fairness=torch.tensor(float("nan")))
    net = torch.nn.Linear(2, 1)
    net.weight.grad, net.bias.grad = torch.ones(1, 2), torch.tensor([float("inf")])
    with pytest.raises(TrainingError, match="gradient of bias"):
        check_gradients(1, net)
    net.bias.grad = torch.zeros(1)
    check_gradients(1, net)


def test_the_plan_counts_masked_rows(small_cohort: Path) -> None:
    text = plan(config(small_cohort))
    assert "120 training images" in text
    assert "race: 120 rows of known group, 0 masked" in text
    assert re.search(r"memory    about \d+ MiB on each device", text)
    assert "model of  the step of least leakage" in text


@pytest.mark.parametrize(
    ("key", "message"),
    [("model.pretrained=/none", "none"), ("objective.fairness=mmd", "'age' is continuous, and")],
)
def test_the_plan_refuses_what_training_would(small_cohort: Path, key: str, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        plan(config(small_cohort, key, "objective.attributes=[age]"))


def test_what_a_run_would_do_with_auto_and_patients_left_out(small_cohort: Path, tmp_path: Path) -> None:
    ids = load_cohort(small_cohort).split("train")["patient_id"].unique()[:3]
    (tmp_path / "ex.csv").write_text("\n".join(["patient_id", *ids]) + "\n")
    asked = config(small_cohort, "objective.fairness=auto", f"data.exclude_patients=[{tmp_path / 'ex.csv'}]")
    assert "left out  3 listed patients" in plan(asked)
