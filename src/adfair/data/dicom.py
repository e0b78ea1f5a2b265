"""One radiograph of a DICOM file as grey levels, the way a viewer shows it (needs the extra ``dicom``).

Stored values pass through the modality transform, then the first VOI LUT or window of the file; without either
they span from the darkest to the brightest pixel (our choice). An empty element counts as absent. MONOCHROME1 is
inverted, so that bone is bright.
As a file holds at most 65,536 different values, all of this is done to a table of them and then looked up.

Source: DICOM PS3.3, C.11.1 (modality), C.11.2 (VOI; the three window functions) and C.7.6.3 (pixels).
"""

import io
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

from adfair.data.codestream import read_claim
from adfair.errors import MissingExtraError

_DEFLATED, _HEADER = b"1.2.840.10008.1.2.1.99", 65536
_MAY_BE_EMPTY = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept")
_GREY, _COLOUR = ("MONOCHROME1", "MONOCHROME2"), ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


class DicomFault(Exception):
    """What is wrong with a DICOM file; the caller adds its name."""


def is_dicom(data: bytes) -> bool:
    """Whether a file begins as PS3.10 asks: 128 bytes of anything, then ``DICM``."""
    return data[128:132] == b"DICM"


def decode_dicom(data: bytes, *, max_pixels: int) -> Image.Image:
    """Decode the bytes of a file to a picture in mode L.

    Args:
        data: the whole file.
        max_pixels: a header that claims more is refused before anything is decoded.

    Raises:
        DicomFault: no pixels, several frames, or pixels of a kind that no radiograph has.
        MissingExtraError: pydicom is not installed.
        Exception: pydicom's or a decoder's, where the file is damaged.
    """
    pydicom = _pydicom()
    # A value that breaks a rule may name a patient in pydicom's warning; none of them matters here.
    with pydicom.config.disable_value_validation():
        if _DEFLATED in data[:_HEADER]:
            raise DicomFault("a deflated DICOM file, which may unpack to any size")
        dataset = pydicom.dcmread(io.BytesIO(data))
        _drop_empty(dataset)
        _check(dataset, max_pixels)
        _check_frame(pydicom, dataset)
        values = pydicom.pixels.pixel_array(dataset)
        if dataset.PhotometricInterpretation in _COLOUR:
            return Image.fromarray(values.astype(np.uint8), "RGB").convert("L")
        low = int(values.min())
        levels = _levels(pydicom, dataset, low, int(values.max()))
        return Image.fromarray(levels[values.astype(np.int32) - low])


def _pydicom() -> Any:
    try:
        for name in ("pydicom.encaps", "pydicom.pixels"):
            import_module(name)
        return import_module("pydicom")
    except ImportError:
        raise MissingExtraError(
            "reading DICOM needs pydicom, which is not installed: pip install 'adfair-clip[dicom]'"
        ) from None


def _drop_empty(dataset: Any) -> None:
    """Remove elements without a value: de-identification leaves them, and they say no more than absent ones."""
    for name in _MAY_BE_EMPTY:
        if name in dataset and _is_empty(dataset[name].value):
            del dataset[name]


def _is_empty(value: Any) -> bool:
    if value is None or isinstance(value, str):
        return not (value or "").strip()
    return hasattr(value, "__len__") and (not len(value) or _is_empty(value[0]))


def _check(dataset: Any, max_pixels: int) -> None:
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if "PixelData" not in dataset or not rows or not columns:
        raise DicomFault("a DICOM file with no pixel data")
    if rows * columns > max_pixels:
        raise DicomFault(f"{columns} x {rows} pixels are more than {max_pixels:,}")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise DicomFault(f"{dataset.NumberOfFrames} frames, where a radiograph has one")
    kind, bits = str(dataset.get("PhotometricInterpretation")), int(dataset.get("BitsAllocated") or 0)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if (kind in _GREY and samples == 1 and bits in (8, 16)) or (
        kind in _COLOUR and samples == 3 and bits == 8
    ):
        return
    raise DicomFault(f"{samples} x {bits} bits a pixel of this kind are not grey or RGB")


def _check_frame(pydicom: Any, dataset: Any) -> None:
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    claim = read_claim(pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1))
    expected = (int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel") or 1))
    if claim is not None and (claim[:3] != expected or not claim.sane):
        raise DicomFault("the compressed frame is damaged: it is not of the size that the file states")


def _levels(pydicom: Any, dataset: Any, low: int, high: int) -> np.ndarray:
    """Grey level, uint8, of every stored value from ``low`` to ``high``."""
    stored = np.arange(low, high + 1)
    values = np.asarray(pydicom.pixels.apply_modality_lut(stored, dataset), dtype=np.float64)
    if dataset.get("VOILUTSequence"):
        shown = _looked_up(pydicom, dataset, values)
    elif "WindowCenter" in dataset and "WindowWidth" in dataset:
        shape = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
        shown = window(
            values, centre=_first(dataset.WindowCenter), width=_first(dataset.WindowWidth), shape=shape
        )
    else:
        shown = (values - values.min()) / max(np.ptp(values), 1e-12)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    return np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)


def _first(cell: Any) -> float:
    return float(cell[0]) if hasattr(cell, "__len__") and not isinstance(cell, str) else float(cell)


def _looked_up(pydicom: Any, dataset: Any, values: np.ndarray) -> np.ndarray:
    entries, start, _ = (int(n) for n in dataset.VOILUTSequence[0].LUTDescriptor)
    every = start + np.arange(entries or 65536)
    # White is the table's largest entry: the bits that descriptors declare are often more than are used.
    top = pydicom.pixels.apply_voi(every, dataset).max()
    return pydicom.pixels.apply_voi(np.rint(values).astype(np.int64), dataset) / max(float(top), 1.0)


def window(values: np.ndarray, *, centre: float, width: float, shape: str = "LINEAR") -> np.ndarray:
    """The window functions of DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3, as shares of white from 0 to 1.

    Args:
        values: float64, any shape.
        centre, width: in the unit of ``values``; ``width`` at least 1 for LINEAR and above 0 for the others.
        shape: ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.

    Raises:
        DicomFault: another shape, or a width that cannot be.
    """
    if shape not in ("LINEAR", "LINEAR_EXACT", "SIGMOID") or not width >= (1 if shape == "LINEAR" else 1e-9):
        raise DicomFault(f"a window of shape {shape} and width {width:g} is not defined")
    if shape == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if shape == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float64)
    return np.clip((values - centre) / width + 0.5, 0, 1)
