from pathlib import Path

import pytest
import torch

from adfair.errors import ConfigError, DataError
from adfair.models.adapters.load import load_encoder
from adfair.models.dual_encoder import build_model, save_model


def test_a_run_is_fed_as_it_was_trained_and_a_bare_folder_as_it_says(tmp_path: Path) -> None:
    save_model(build_model("tiny", seed=1), tmp_path / "run" / "model")
    (tmp_path / "run" / "config.yaml").write_text("")
    save_model(build_model("tiny", seed=1), tmp_path / "bare")
    run, bare = load_encoder(tmp_path / "run" / "model"), load_encoder(tmp_path / "bare")
    assert (run.name, run.square) == ("adfair", None)
    assert bare.name == "open_clip"
    assert bare.square is not None
    assert load_encoder(f"local-dir:{tmp_path / 'run'}").fingerprint == run.fingerprint != bare.fingerprint


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no adapter 'clipzero'; there are: adfair, open_clip, .*precomputed"
    ):
        load_encoder("clipzero:x.pt")
    with pytest.raises(ConfigError, match=r"x\.pt: no such file or folder; chexzero wants one \.pt"):
        load_encoder("chexzero:x.pt")
    with pytest.raises(ConfigError, match="no open_clip_config"):
        load_encoder(tmp_path)
    (tmp_path / "m.ckpt").touch()
    with pytest.raises(ConfigError, match=r"no vocabulary. Put vocab\.txt"):
        load_encoder(f"gloria:{tmp_path}")


def test_weights_of_another_make_are_told_apart(tmp_path: Path) -> None:
    torch.save({"visual.conv1.weight": torch.ones(3)}, tmp_path / "x.pt")
    with pytest.raises(ConfigError, match=r"not those of a model for 'chexzero' \(ValueError\)"):
        load_encoder(f"chexzero:{tmp_path / 'x.pt'}")
    torch.save({"fc.weight": torch.ones(3, 2)}, tmp_path / "x.pt")
    with pytest.raises(ConfigError, match=r"x\.pt: no weight 'visual\.conv1\.weight'"):
        load_encoder(f"chexzero:{tmp_path / 'x.pt'}")


def test_a_run_that_cannot_be_read_is_named_without_a_trace(tmp_path: Path) -> None:
    folder = save_model(build_model("tiny", seed=1), tmp_path / "m")
    (folder / "open_clip_model.safetensors").write_bytes(bytes(50))
    with pytest.raises(ConfigError, match=r"not those of a model for 'adfair' \(SafetensorError\)"):
        load_encoder(f"adfair:{folder}")
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(
        ConfigError, match=r"no open_clip_model\.safetensors; folders of others are read as open_clip:"
    ):
        load_encoder(f"adfair:{folder}")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    with pytest.raises(DataError, match="training did not finish"):
        load_encoder(f"adfair:{tmp_path / 'run'}")


@pytest.mark.parametrize("name", ["hf-hub:microsoft/BiomedCLIP", "https://huggingface.co/x"])
def test_what_would_be_downloaded_is_answered_with_the_way_to_fetch_it(name: str) -> None:
    with pytest.raises(ConfigError, match="Fetch it with 'hf download"):
        load_encoder(name)
