"""torchxrayvision's DenseNets. Source: Cohen et al. 2022, github.com/mlmed/torchxrayvision."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import adaptive_avg_pool2d, relu

from adfair.models.adapters.adapter import Adapter
from adfair.models.adapters.bert import settings
from adfair.models.adapters.classifier import FILES, Classifier, check_classes
from adfair.models.adapters.towers import densenet
from adfair.models.safe_load import find_file, fingerprint, fit, read_checkpoint

SIZE, LEVELS, MIDDLE = 224, 1024.0, 127.5
CLASSES = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural Effusion",
    "Pneumonia",
    "Pleural Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)
"""Order of the library's targets; Effusion and Pleural_Thickening under the names that cohorts use."""


def square(image: np.ndarray) -> np.ndarray:
    """float32 [224, 224] in 0 to 255: central square, blurred and reduced as scikit-image's resize does.

    Beyond its edges the library assumes 0 after normalisation, the middle of the levels.
    """
    side = min(image.shape)
    top, left = (n // 2 - side // 2 for n in image.shape)
    film = image[top : top + side, left : left + side].astype(np.float32)
    factor = side / SIZE
    how: dict[str, Any] = {"mode": "grid-constant", "cval": MIDDLE}
    if factor > 1:
        film_blurred = ndimage.gaussian_filter(film, (factor - 1) / 2, **how)
    else:
        film_blurred = film
    return ndimage.zoom(film_blurred, 1 / factor, order=1, grid_mode=True, **how).clip(film.min(), film.max())


def look(grey: Tensor) -> Tensor:
    """Levels 0 to 255 -> one channel from -1024 to 1024."""
    return ((2 * (grey / 255.0) - 1.0) * LEVELS)[:, None]


def _features(net: Any, pixels: Tensor) -> Tensor:
    return adaptive_avg_pool2d(relu(net.features(pixels)), 1).flatten(1)


def load(path: Path) -> Adapter:
    """Read the tensors of a DenseNet of torchxrayvision (``model.state_dict()``). Raises ConfigError.

    The library's own files are whole pickled programs, which are refused: save the tensors once, where it is safe.
    Scores are plain probabilities, not rescaled by the library's operating points. A class whose operating point is NaN
    was not in the training data, and its output is noise: it is left out.
    """
    file = find_file(path, FILES, what="weights")
    tensors = read_checkpoint(file).tensors()
    points = tensors.pop("op_threshs", None)
    net = fit(partial(densenet, tensors), tensors, path=file)
    told = settings(file.parent / "config.json").get("label_names", CLASSES)
    classes = check_classes(told, net.classifier.out_features, file)
    if points is not None and len(points) == len(classes):
        trained = (~points.isnan()).nonzero().flatten()
        classes = tuple(classes[i] for i in trained.tolist())
        for name in ("weight", "bias"):
            setattr(net.classifier, name, Parameter(getattr(net.classifier, name).detach()[trained]))
    towers = Classifier(net, net.classifier, _features)
    return Adapter("torchxrayvision", towers, square, look, SIZE, fingerprint(file), classes=classes)
