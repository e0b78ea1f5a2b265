import torch

from adfair.data.augment import TONE, augment


def films(n: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (n, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_the_draw_depends_on_seed_and_step_alone() -> None:
    torch.manual_seed(1)
    first = augment(films(), "light_flip", seed=3, step=5)
    torch.manual_seed(2)
    assert torch.equal(first, augment(films(), "light_flip", seed=3, step=5))
    assert not torch.equal(first, augment(films(), "light_flip", seed=3, step=6))
    assert not torch.equal(first, augment(films(), "light_flip", seed=4, step=5))


def test_the_range_is_kept_and_nothing_is_changed_in_place() -> None:
    images = films()
    before = images.clone()
    out = augment(images, "light_flip", seed=0, step=0)
    assert out.dtype == torch.float32
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 255
    assert torch.equal(images, before)


def test_a_flat_film_stays_flat_and_changes_its_tone_within_the_stated_range() -> None:
    out = augment(torch.full((50, 16, 16), 100, dtype=torch.uint8), "light_flip", seed=0, step=0)
    assert (out.amax((1, 2)) - out.amin((1, 2))).max() < 1e-2
    assert out.mean((1, 2)).min() >= 100 * (1 - TONE) - 1e-2
    assert out.mean((1, 2)).max() <= 100 * (1 + TONE) + 1e-2


def test_left_stays_left_unless_mirroring_is_allowed() -> None:
    half = torch.zeros((200, 16, 16), dtype=torch.uint8)
    half[:, :, :6] = 200

    def brighter_left(flip: bool) -> float:
        out = augment(half, "light_flip" if flip else "light", seed=0, step=0)
        return (out[:, :, :8].mean((1, 2)) > out[:, :, 8:].mean((1, 2))).float().mean().item()

    assert brighter_left(False) == 1.0
    assert 0.35 < brighter_left(True) < 0.65
