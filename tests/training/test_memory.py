import pytest
import torch

from adfair.config import build_config
from adfair.models.dual_encoder import build_model
from adfair.training.memory import _saved_bytes, estimate_memory


def test_two_small_batches_tell_what_a_large_one_keeps() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    before = {k: v.clone() for k, v in model.net.state_dict().items()}
    found = estimate_memory(model, build_config({}, ["data.batch_size=24"]))
    assert found.activations == pytest.approx(_saved_bytes(model, 24), rel=0.02)
    assert found.weights == 16 * sum(p.numel() for p in model.net.parameters())
    assert found.total == found.weights + found.activations + found.loss
    assert all(torch.equal(before[k], v) for k, v in model.net.state_dict().items()), "nothing is left behind"


def test_each_device_holds_its_share() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    one = estimate_memory(model, build_config({}, ["data.batch_size=64"]))
    four = estimate_memory(
        model, build_config({}, ["data.batch_size=64", "train.devices=2", "train.nodes=2"])
    )
    assert four.activations == pytest.approx(one.activations / 4, rel=0.1)
    assert (four.weights, four.loss) == (one.weights, one.loss)


def test_parts_of_a_batch_tiles_and_shards_need_less() -> None:
    model = build_model("tiny", seed=0, image_size=64)
    whole = estimate_memory(model, build_config({}, ["data.batch_size=4096", "objective.chunk=0"]))
    less = estimate_memory(
        model,
        build_config(
            {},
            ["data.batch_size=4096", "data.micro_batch_size=64", "train.devices=2", "train.strategy=fsdp"],
        ),
    )
    few = estimate_memory(model, build_config({}, ["data.batch_size=64"]))
    assert whole.loss == 16 * 4096**2
    assert less.loss == 16 * 1024**2
    assert less.activations == few.activations
    assert less.weights == pytest.approx(whole.weights / 2, abs=1)
    strips = estimate_memory(
        model, build_config({}, ["data.batch_size=4096", "objective.negatives=same_cell"])
    )
    assert strips.loss == 16 * 1024 * 4096
