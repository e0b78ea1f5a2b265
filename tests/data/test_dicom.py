"""DICOM: windows by their closed form and by pydicom, MONOCHROME1, compressed syntaxes, hostile headers."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adfair.data.dicom import DicomFault, window
from adfair.data.images import read_image
from adfair.errors import DataError, MissingExtraError


def test_windows_have_their_closed_form() -> None:
    x = np.array([0.0, 24.5, 49.5, 99.5, 149.0, 149.5, 200.0])
    # PS3.3 C.11.2.1.2.1: from c - 0.5 - (w - 1) / 2 = 50 to 149 for c = 100, w = 100.
    expected = np.clip((x - 50) / 99, 0, 1)
    np.testing.assert_allclose(window(x, centre=100, width=100), expected, atol=1e-12)
    np.testing.assert_allclose(
        window(x, centre=100, width=100, shape="LINEAR_EXACT"), np.clip((x - 50) / 100, 0, 1), atol=1e-12
    )
    sigmoid = window(x, centre=100, width=100, shape="SIGMOID")
    np.testing.assert_allclose(np.log(sigmoid / (1 - sigmoid)), 4 * (x - 100) / 100, atol=1e-9)
    assert window(np.array([9.0, 9.5, 10.0]), centre=10, width=1).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("shape", "width"), [("LINEAR", 0.5), ("SIGMOID", 0), ("CUBIC", 10), ("LINEAR", np.nan)]
)
def test_windows_that_cannot_be_are_refused(shape: str, width: float) -> None:
    with pytest.raises(DicomFault, match="not defined"):
        window(np.zeros(2), centre=0, width=width, shape=shape)


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + bytes(100))
    monkeypatch.setitem(sys.modules, "pydicom.pixels", None)
    with pytest.raises(MissingExtraError, match=r"adfair-clip\[dicom\]"):
        read_image(tmp_path / "a.dcm", size=8)


# From here on with pydicom.
VALUES = np.arange(4096, dtype=np.uint16).reshape(64, 64)


@pytest.fixture
def dataset() -> Any:
    """A 12-bit radiograph that holds every value once."""
    pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom")
    from pydicom import uid

    made = pydicom.Dataset()
    made.SOPClassUID, made.SOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, "1.2.3"
    made.Rows, made.Columns, made.SamplesPerPixel = 64, 64, 1
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = VALUES.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return made


def _read(dataset: Any, folder: Path) -> np.ndarray:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    (folder / "a.dcm").write_bytes(buffer.getvalue())
    return read_image(folder / "a.dcm")


def test_without_a_window_the_pixels_span_black_to_white(dataset: Any, tmp_path: Path) -> None:
    np.testing.assert_array_equal(_read(dataset, tmp_path), np.rint(VALUES / 4095 * 255))
    dataset.PhotometricInterpretation = "MONOCHROME1"
    np.testing.assert_array_equal(_read(dataset, tmp_path), np.rint(255 * (1 - VALUES / 4095)))


@pytest.mark.parametrize("shape", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(dataset: Any, tmp_path: Path, shape: str) -> None:
    from pydicom.pixels import apply_windowing

    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = [1500, 7], [800, 9], shape
    theirs = apply_windowing(VALUES, dataset) / 4095 * 255
    assert np.abs(_read(dataset, tmp_path) - theirs).max() <= 0.5 + 1e-6


def test_rescaled_values_meet_the_window_in_their_own_unit(dataset: Any, tmp_path: Path) -> None:
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -1000
    dataset.WindowCenter, dataset.WindowWidth = 1000, 500
    expected = np.rint(255 * window(VALUES * 2.0 - 1000, centre=1000, width=500))
    np.testing.assert_array_equal(_read(dataset, tmp_path), expected)


@pytest.mark.parametrize("empty", [None, "", [], ["", ""]])
def test_an_empty_element_counts_as_absent(dataset: Any, tmp_path: Path, empty: object) -> None:
    expected = _read(dataset, tmp_path)
    dataset.WindowCenter = dataset.WindowWidth = empty
    dataset.RescaleSlope = dataset.RescaleIntercept = empty if empty != ["", ""] else None
    np.testing.assert_array_equal(_read(dataset, tmp_path), expected)
    dataset.WindowCenter, dataset.RescaleSlope = 2048, 2
    np.testing.assert_array_equal(_read(dataset, tmp_path), expected)


def test_a_voi_lut_wins_over_a_window(dataset: Any, tmp_path: Path) -> None:
    import pydicom

    lut, item = (np.linspace(0, 1, 1001) ** 2 * 4095).astype(np.uint16), pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [1001, 500, 16])
    item.add_new("LUTData", "US", lut.tolist())
    dataset.VOILUTSequence = [item]
    dataset.WindowCenter, dataset.WindowWidth = 1, 2
    expected = np.rint(lut[np.clip(VALUES.astype(int) - 500, 0, 1000)] / 4095 * 255)
    np.testing.assert_array_equal(_read(dataset, tmp_path), expected)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEG2000Lossless"])
def test_compressed_files_hold_the_same(dataset: Any, tmp_path: Path, syntax: str) -> None:
    if syntax == "JPEG2000Lossless":
        pytest.importorskip("openjpeg", reason="needs the extra dicom")
    from pydicom import uid

    raw = _read(dataset, tmp_path)
    dataset.compress(getattr(uid, syntax), generate_instance_uid=False)
    np.testing.assert_array_equal(_read(dataset, tmp_path), raw)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"PixelData": None}, "no pixel data"),
        ({"Rows": 0}, "no pixel data"),
        ({"Rows": 60000, "Columns": 60000}, "60000 x 60000 pixels are more than"),
        ({"NumberOfFrames": 12}, "12 frames"),
        ({"BitsAllocated": 32}, "32 bits a pixel"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not grey or RGB"),
        ({"Rows": 65}, "damaged, truncated"),
        ({"WindowCenter": 5, "WindowWidth": -1}, "not defined"),
    ],
)
def test_files_that_are_no_radiograph_are_refused(
    dataset: Any, tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    for name, value in changes.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    with pytest.raises(DataError, match=rf"a\.dcm: .*{what}.* Replace the file"):
        _read(dataset, tmp_path)


def test_a_deflated_file_is_refused_before_it_is_unpacked(dataset: Any, tmp_path: Path) -> None:
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    with pytest.raises(DataError, match="deflated"):
        _read(dataset, tmp_path)
