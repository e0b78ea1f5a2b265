import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from adfair.auditing.rows import COLUMNS
from adfair.cli.app import run as command
from adfair.config import build_config
from adfair.errors import ConfigError, DataError
from adfair.models.card import CARD_FILE, NO_AUDIT
from adfair.training import train
from adfair.workflows.card import card
from adfair.workflows.export import export

VIT = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def trained(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps with small vision transformers."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "vit.json").write_text(json.dumps(VIT))
    tree = {
        "data": {"cohort": str(small_cohort), "batch_size": 16, "image_size": 32},
        "model": {"config": str(folder / "vit.json")},
        "objective": {"fairness": "none", "attributes": []},
        "train": {"steps": 2},
    }
    return train(build_config(tree), out=folder / "run")


def test_a_run_writes_its_card_from_its_own_facts(trained: Path, small_cohort: Path) -> None:
    text = (trained / "model" / CARD_FILE).read_text()
    info = yaml.safe_load((small_cohort / "cohort.yaml").read_text())
    assert "120 images" in text
    assert info["manifest_sha256"] in text
    assert NO_AUDIT in text
    assert str(small_cohort) not in text  # a card is published, and paths may name people
    assert str(trained.parent) not in text


def test_a_run_becomes_a_transformers_folder(trained: Path, tmp_path: Path) -> None:
    out = export(trained, format="transformers", out=tmp_path / "out")
    facts = json.loads((out / "export.json").read_text())
    assert facts["format"] == "transformers"
    assert facts["largest_difference"] < 1e-5
    assert (out / CARD_FILE).read_text() == (trained / "model" / CARD_FILE).read_text()
    with pytest.raises(DataError, match="--force"):
        export(trained, format="transformers", out=out)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
def test_the_image_processor_makes_films_square_as_the_model_does(
    trained: Path, tmp_path: Path, mode: str
) -> None:
    from transformers import CLIPImageProcessor

    from adfair.models.adapters.load import load_encoder

    foreign = shutil.copytree(trained / "model", tmp_path / "foreign")
    layout = json.loads((foreign / "open_clip_config.json").read_text())
    layout["preprocess_cfg"]["resize_mode"] = mode
    (foreign / "open_clip_config.json").write_text(json.dumps(layout))
    if mode == "longest":
        with pytest.raises(
            ConfigError, match="which transformers' CLIPImageProcessor cannot do; use --format onnx"
        ):
            export(foreign, format="transformers", out=tmp_path / "out")
        return
    out = export(foreign, format="transformers", out=tmp_path / "out")
    film = np.random.default_rng(0).integers(0, 256, (64, 96), dtype=np.uint8)
    film = np.asarray(Image.fromarray(film).resize((96, 64)).resize((12, 8)).resize((96, 64)))
    model = load_encoder(foreign)
    ours = model.prepare(torch.from_numpy(np.array(model.square(film)))[None])
    theirs = CLIPImageProcessor.from_pretrained(out)(
        Image.fromarray(film).convert("RGB"), return_tensors="pt"
    )["pixel_values"]
    assert (ours - theirs).abs().max() < 0.1


def test_force_never_removes_the_model_that_is_exported(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "model", tmp_path / "out" / "model")
    (tmp_path / "out" / "export.json").write_text("{}")
    with pytest.raises(DataError, match="--force would remove"):
        export(tmp_path / "out", format="transformers", out=tmp_path / "out", force=True)
    assert (tmp_path / "out" / "model" / "open_clip_config.json").is_file()


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of onnx, transformers"):
        export(trained, format="tflite", out=tmp_path / "out")
    shutil.copytree(trained / "model", tmp_path / "model")
    layout = json.loads((tmp_path / "model" / "open_clip_config.json").read_text())
    layout["model_cfg"]["text_cfg"]["no_causal_mask"] = True
    (tmp_path / "model" / "open_clip_config.json").write_text(json.dumps(layout))
    with pytest.raises(ConfigError, match="no causal mask"):
        export(tmp_path / "model", format="transformers", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert command(["export", str(trained), "--format", "nope", "--out", str(tmp_path / "out")]) == 2


def test_an_evaluation_goes_into_the_card_of_its_own_weights(trained: Path, tmp_path: Path) -> None:
    from adfair.models.adapters.load import load_encoder

    run = shutil.copytree(trained, tmp_path / "run")
    facts = {
        "weights_sha256": load_encoder(run).fingerprint,
        "split": "test",
        "cohort": {"name": "synthetic"},
    }
    row = dict.fromkeys(COLUMNS, "") | {"metric": "auc", "finding": "mean", "value": "0.8125"}
    (tmp_path / "ev").mkdir()
    with pytest.raises(DataError, match=r"no evaluation.json"):
        card(run, evaluation=tmp_path / "ev")
    (tmp_path / "ev" / "metrics.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    (tmp_path / "ev" / "evaluation.json").write_text(json.dumps(facts))
    assert command(["card", str(run), "--evaluation", str(tmp_path / "ev")]) == 0
    assert "| auc |  | 0.812 |" in (run / "model" / CARD_FILE).read_text()
    (tmp_path / "ev" / "evaluation.json").write_text(json.dumps({**facts, "metrics_sha256": "0"}))
    with pytest.raises(DataError, match="is not the table of the"):
        card(run, evaluation=tmp_path / "ev")
    (tmp_path / "ev" / "evaluation.json").write_text(json.dumps({**facts, "weights_sha256": "0"}))
    with pytest.raises(DataError, match="another model"):
        card(run, evaluation=tmp_path / "ev")
