import numpy as np
import pytest
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


def test_resampled_batches_come_from_few_shards_and_depend_on_seed_and_step_alone() -> None:
    shards = np.arange(1000) // 50
    batches = [batch_rows(1000, 32, seed=1, step=step, shards=shards).numpy() for step in range(3000)]
    again = batch_rows(1000, 32, seed=1, step=7, shards=shards).numpy()
    assert again.tolist() == batches[7].tolist()
    assert batch_rows(1000, 32, seed=2, step=7, shards=shards).tolist() != again.tolist()
    assert all(len(np.unique(shards[rows])) <= 4 and len(set(rows)) == 32 for rows in batches)
    # Every row is as likely as any other: 96 times on average, with a spread of about 10.
    counts = np.bincount(np.concatenate(batches), minlength=1000)
    assert abs(counts.mean() - 96) < 1e-9
    assert counts.min() > 45
    assert counts.max() < 155


def test_rows_of_small_shards_are_as_likely_as_others() -> None:
    shards = np.repeat(np.arange(6), [100, 400, 400, 400, 400, 50])
    batches = [batch_rows(1750, 32, seed=1, step=step, shards=shards).numpy() for step in range(4000)]
    assert all(len(set(rows)) == 32 for rows in batches)
    counts = np.bincount(np.concatenate(batches), minlength=1750)
    means = [counts[shards == s].mean() for s in range(6)]
    assert means == pytest.approx([4000 * 32 / 1750] * 6, rel=0.15)


def test_a_shard_with_fewer_rows_than_its_share_leaves_no_batch_short() -> None:
    shards = np.repeat(np.arange(3), [2, 2, 60])
    for step in range(50):
        rows = batch_rows(64, 40, seed=0, step=step, shards=shards).tolist()
        assert len(rows) == len(set(rows))
        assert len(rows) == min(40, sum(np.isin(shards, shards[rows])))
