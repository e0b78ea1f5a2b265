"""The reference is torchxrayvision itself: its DenseNet, its normalisation, its crop and its resizer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from adfair.data.images import read_image
from adfair.errors import ConfigError
from adfair.models.adapters.load import load_adapter
from adfair.models.adapters.xrayvision import CLASSES

from .conftest import unit

xrv = pytest.importorskip("torchxrayvision")


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(8)
    net = xrv.models.DenseNet(growth_rate=4, block_config=(1, 2, 1, 1), num_init_features=8, num_classes=18)
    with torch.no_grad():
        for value in net.state_dict().values():
            if value.is_floating_point():
                value.add_(torch.rand(value.shape) * 0.1)
    return net.eval()


def test_images_as_by_torchxrayvision(net, tmp_path: Path, film: Path, image_of) -> None:
    torch.save(net.state_dict(), tmp_path / "x.pt")
    model = load_adapter("torchxrayvision", tmp_path / "x.pt")
    levels = read_image(film)

    def theirs(film: np.ndarray) -> torch.Tensor:
        cropped = xrv.datasets.XRayCenterCrop()(film[None])
        return torch.from_numpy(xrv.datasets.XRayResizer(224)(cropped))[None]

    right, wrong = theirs(xrv.utils.normalize(levels, 255)), theirs(levels.astype(np.float32) / 255)
    with torch.inference_mode():
        ours = image_of(model)
        assert (ours - unit(net.features2(right))[0]).abs().max() < 1e-5
        assert (ours - unit(net.features2(wrong))[0]).abs().max() > 1e-3
        pixels = model.prepare(torch.from_numpy(model.square(levels))[None])
        assert (pixels - right).abs().max() < 0.01, "of 2048 levels"
        assert (model.class_scores(pixels) - net(right).sigmoid()).abs().max() < 1e-5


def test_a_class_that_the_weights_were_not_trained_for_is_left_out(net, tmp_path: Path) -> None:
    points = torch.full((18,), 0.3)
    points[[2, 5]] = torch.nan
    torch.save(net.state_dict() | {"op_threshs": points}, tmp_path / "x.pt")
    model = load_adapter("torchxrayvision", tmp_path / "x.pt")
    assert [name for name in CLASSES if name not in model.classes] == ["Infiltration", "Emphysema"]
    pixels = torch.randn(3, 1, 224, 224, generator=torch.Generator().manual_seed(0)) * 500
    kept = [i for i in range(18) if i not in (2, 5)]
    with torch.inference_mode():
        assert (model.class_scores(pixels) - net(pixels).sigmoid()[:, kept]).abs().max() < 1e-5


def test_classes_are_the_library_s_in_order(net, tmp_path: Path) -> None:
    known = {"Effusion": "Pleural Effusion", "Pleural_Thickening": "Pleural Thickening"}
    assert tuple(known.get(name, name) for name in xrv.models.DenseNet.targets) == CLASSES
    state = net.state_dict()
    state["classifier.weight"], state["classifier.bias"] = (
        state["classifier.weight"][:7],
        state["classifier.bias"][:7],
    )
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(ConfigError, match="7 classes; name them"):
        load_adapter("torchxrayvision", tmp_path / "x.pt")
    torch.save(net, tmp_path / "whole.pt")
    with pytest.raises(ConfigError, match=r"names 'torchxrayvision\.models\.DenseNet', which is not data"):
        load_adapter("torchxrayvision", tmp_path / "whole.pt")
