import numpy as np
import pytest

from adfair.evaluation.retrieval import image_to_text, null_gaps, recall_gap, recall_interval, text_to_image

KS = (1, 5, 10)


def unit(shape: tuple[int, int], seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal(shape)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def by_sorting(queries: np.ndarray, gallery: np.ndarray, own: list[set[int]], k: int) -> list[float]:
    order = np.argsort(-(queries @ gallery.T), axis=1)
    return [float(bool(own[i] & set(order[i, :k].tolist()))) for i in range(len(queries))]


def test_recall_is_what_sorting_finds() -> None:
    image, text = unit((40, 8), 0), unit((40, 8), 1)
    image += text
    names = [str(i) for i in range(40)]
    found, back = image_to_text(image, text, names, KS), text_to_image(image, text, names, KS)
    # np.unique sorts the names as texts: gallery row j is report `order[j]`.
    own = [{i} for i in range(40)]
    for j, k in enumerate(KS):
        assert found.hit[:, j].tolist() == by_sorting(image, text, own, k)
        assert back.hit[:, j].tolist() == by_sorting(text, image, own, k)
        np.testing.assert_allclose(found.chance[:, j], k / 40)


def test_equal_reports_are_one_report() -> None:
    text = unit((3, 8), 2)[[0, 1, 1, 2]]
    image = unit((4, 8), 3)
    names = ["a", "b", "b", "c"]
    found, back = image_to_text(image, text, names, (1,)), text_to_image(image, text, names, (1,))
    nearest = (image @ text[[0, 1, 3]].T).argmax(1)
    assert found.hit[:, 0].tolist() == [float(nearest[i] == own) for i, own in enumerate((0, 1, 1, 2))]
    np.testing.assert_allclose(found.chance[:, 0], 1 / 3)
    best = (text @ image.T).argmax(1)
    assert back.hit[:, 0].tolist() == [
        float(best[i] in own) for i, own in enumerate(({0}, {1, 2}, {1, 2}, {3}))
    ]
    np.testing.assert_allclose(back.chance[:, 0], [1 / 4, 1 / 2, 1 / 2, 1 / 4])


def test_a_collapsed_model_reaches_chance_and_more_places_than_items_find_all() -> None:
    one = np.ones((20, 4), np.float32) / 2
    names = [str(i // 2) for i in range(20)]
    for way in (image_to_text, text_to_image):
        found = way(one, one, names, (1, 5, 50))
        np.testing.assert_allclose(found.hit, found.chance)
        np.testing.assert_allclose(found.hit[:, 2], 1.0)
    # Two right of twenty: the first five places hold neither with probability C(18,5) / C(20,5) = 21/38.
    np.testing.assert_allclose(text_to_image(one, one, names, (5,)).hit, 1 - 21 / 38)


def test_interval_and_gap() -> None:
    rng = np.random.default_rng(4)
    hit = (rng.random((2000, 1)) < 0.3).astype(float)
    low, high = recall_interval(hit, np.arange(2000), replicates=500, level=0.95, seed=0)
    sd = np.sqrt(0.3 * 0.7 / 2000)
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * sd, rel=0.15)
    # Every patient twice: half as many units, so the interval is wider by sqrt(2).
    pairs = recall_interval(
        np.repeat(hit, 2, axis=0), np.repeat(np.arange(2000), 2), replicates=500, level=0.95, seed=0
    )
    assert pairs[1][0] - pairs[0][0] == pytest.approx(high[0] - low[0])
    codes = np.array([0, 0, 1, 1, -1])
    assert recall_gap(np.array([[1.0], [0], [1], [1], [0]]), codes).tolist() == [0.5]


def test_gap_by_chance_is_what_groups_without_a_difference_show() -> None:
    rng = np.random.default_rng(5)
    hit, codes = (rng.random((400, 1)) < 0.5).astype(float), rng.integers(0, 2, 400)
    null = null_gaps(hit, codes, np.arange(400), permutations=300, seed=0)
    again = null_gaps(
        np.repeat(hit, 4, 0), np.repeat(codes, 4), np.repeat(np.arange(400), 4), permutations=300, seed=0
    )
    assert again.mean() == pytest.approx(null.mean(), rel=0.15), "patients are shuffled, not their images"
    # |difference of two means of 200|: half-normal with sd sqrt(2 * .25 / 200) has mean .04.
    assert null.mean() == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(2 * 0.25 / 200), rel=0.15)
