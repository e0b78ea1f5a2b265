import torch

from adfair.models.adversary import FRESH, Whitening, build_adversary


def test_whitened_rows_are_uncorrelated_with_unit_variance() -> None:
    maker = torch.Generator().manual_seed(0)
    mix = torch.randn(6, 6, generator=maker)
    x = torch.randn(4000, 6, generator=maker) @ mix * 0.01 + 3
    whiten = Whitening(6, floor=1e-6)
    whiten.observe(x)
    z = whiten(x)
    assert torch.allclose(z.mean(0), torch.zeros(6), atol=1e-3)
    assert torch.allclose(z.T @ z / len(z), torch.eye(6), atol=2e-2)


def test_statistics_follow_the_batches_and_pass_no_gradient() -> None:
    whiten = Whitening(3, momentum=0.5)
    first, second = torch.zeros(4, 3), torch.ones(4, 3)
    whiten.observe(first)
    whiten.observe(second)
    assert torch.allclose(whiten.mean, torch.full((3,), 0.5))
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    whiten.observe(x)
    assert x.grad is None
    assert not whiten.matrix.requires_grad
    whiten(x).sum().backward()
    assert torch.allclose(x.grad, whiten.matrix.sum(1).expand(4, 3), atol=1e-6)


def test_a_direction_without_variance_stays_finite() -> None:
    whiten = Whitening(2)
    whiten.observe(torch.tensor([[1.0, 5.0], [2.0, 5.0]]))
    assert torch.isfinite(whiten(torch.tensor([[1.5, 5.0]]))).all()
    same = Whitening(2)
    same.observe(torch.ones(4, 2))
    assert torch.isfinite(same(torch.ones(4, 2))).all()


def test_wide_embeddings_are_decomposed_now_and_then() -> None:
    wide, changes = Whitening(4 * FRESH), 0
    for seed in range(8):
        before = wide.matrix.clone()
        wide.observe(torch.randn(20, 4 * FRESH, generator=torch.Generator().manual_seed(seed)))
        changes += int(not torch.equal(before, wide.matrix))
    assert changes == 2


def test_one_head_per_attribute_and_view() -> None:
    views = {"image": torch.randn(4, 8), "text": torch.randn(4, 5)}
    both = build_adversary({"image": 8, "text": 5}, {"race": 3, "age": 1}, seed=0)
    assert {k: tuple(v.shape) for k, v in both(views).items()} == {
        "image:race": (4, 3),
        "image:age": (4, 1),
        "text:race": (4, 3),
        "text:age": (4, 1),
    }
    told = build_adversary({"text": 5}, {"sex": 2}, seed=0, given=3)
    assert told.heads["text:sex"][0].in_features == 8
    assert set(told(views, torch.zeros(4, 3))) == {"text:sex"}


def test_weights_depend_on_the_seed_alone() -> None:
    a = build_adversary({"image": 8}, {"sex": 2}, seed=1).state_dict()
    torch.manual_seed(99)
    b = build_adversary({"image": 8}, {"sex": 2}, seed=1).state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
