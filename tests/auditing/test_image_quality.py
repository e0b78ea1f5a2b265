import numpy as np
import pytest

from adfair.auditing.image_quality import image_figures


def noisy(sigma: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(128 + sigma * rng.normal(size=(3, 128, 128)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [5.0, 20.0])
def test_noise_is_its_standard_deviation(sigma: float) -> None:
    assert image_figures(noisy(sigma))["noise"] == pytest.approx([sigma / 255] * 3, rel=0.03)


def test_a_ramp_has_no_noise_and_the_sharpness_of_its_slope() -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 2, (1, 64, 1))
    found = image_figures(ramp)
    assert found["noise"][0] == pytest.approx(0, abs=1e-7)
    assert found["exposure"][0] == pytest.approx(63 / 255)
    low, high = np.percentile(ramp, [5, 95])
    assert found["contrast"][0] == pytest.approx((high - low) / 255, rel=1e-5)
    assert found["sharpness"][0] == pytest.approx(0.5 * 2 / (high - low), rel=1e-4)


def test_a_flat_image_has_no_sharpness() -> None:
    assert np.isnan(image_figures(np.full((1, 16, 16), 7, np.uint8))["sharpness"][0])
