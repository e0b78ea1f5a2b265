import numpy as np
import torch

from adfair.data.augment import augment
from adfair.data.loader import batch_rows


def test_every_epoch_is_a_permutation_cut_into_batches() -> None:
    epoch = torch.cat([batch_rows(10, 3, seed=1, step=s) for s in range(3)])
    assert len(epoch.unique()) == 9
    other = torch.cat([batch_rows(10, 3, seed=1, step=s) for s in range(3, 6)])
    assert not torch.equal(epoch, other)
    assert torch.equal(batch_rows(10, 3, seed=1, step=4), other[3:6])


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    assert batch_rows(4, 96, seed=0, step=5).sort().values.tolist() == [0, 1, 2, 3]


def test_augmentation_is_a_function_of_seed_and_step_and_stays_in_range() -> None:
    images = torch.randint(0, 256, (6, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    a, b = augment(images, "light_flip", seed=1, step=2), augment(images, "light_flip", seed=1, step=2)
    assert torch.equal(a, b)
    assert not torch.equal(a, augment(images, "light_flip", seed=1, step=3))
    assert a.min() >= 0
    assert a.max() <= 255
    assert a.shape == images.shape


def test_no_augmentation_is_the_images_themselves() -> None:
    images = torch.zeros(2, 4, 4, dtype=torch.uint8)
    assert augment(images, "none", seed=0, step=0) is images


def test_probabilities_draw_with_replacement() -> None:
    p = np.array([0.0, 0.5, 0.5, 0.0])
    drawn = torch.cat([batch_rows(4, 2, seed=0, step=s, probabilities=p) for s in range(50)])
    assert set(drawn.tolist()) == {1, 2}
    assert 0.3 < (drawn == 1).float().mean() < 0.7
