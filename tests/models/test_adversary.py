import torch

from adfair.models.adversary import build_adversary, standardise


def test_standardised_columns_have_zero_mean_and_unit_variance() -> None:
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * 0.01 + 3
    z = standardise(x)
    assert torch.allclose(z.mean(0), torch.zeros(6), atol=1e-4)
    assert torch.allclose(z.var(0, unbiased=False), torch.ones(6), atol=0.02)


def test_one_head_per_attribute_and_attacked_embedding() -> None:
    image, text = torch.randn(4, 8), torch.randn(4, 8)
    both = build_adversary(8, {"race": 3, "sex": 2}, "both", seed=0)
    logits = both({"image": image, "text": text})
    assert {k: tuple(v.shape) for k, v in logits.items()} == {
        "image:race": (4, 3),
        "image:sex": (4, 2),
        "text:race": (4, 3),
        "text:sex": (4, 2),
    }
    assert set(build_adversary(8, {"sex": 2}, "text", seed=0)({"image": image, "text": text})) == {"text:sex"}


def test_weights_depend_on_the_seed_alone() -> None:
    a = build_adversary(8, {"sex": 2}, "image", seed=1).state_dict()
    torch.manual_seed(99)
    b = build_adversary(8, {"sex": 2}, "image", seed=1).state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
