import pytest
import torch
import torch.nn.functional as F

from adfair.models.adversary import build_adversary
from adfair.objectives.adversarial import AdversarialTerm, joint_codes, reverse_gradient, scheduled_weight
from adfair.objectives.adversary_losses import adversary_loss
from adfair.objectives.contrastive import InfoNCE
from adfair.objectives.interface import Batch

CODES = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, -1])


def test_reverse_gradient() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    (y * torch.tensor([3.0, 4.0])).sum().backward()
    assert torch.equal(y, x)
    assert x.grad is not None
    assert x.grad.tolist() == [-1.5, -2.0]


def test_schedule() -> None:
    def at(step: int) -> float:
        return scheduled_weight(step, 100, weight=2.0, delay=0.2, ramp=0.4)

    assert [at(s) for s in (0, 19, 20, 40, 60, 99)] == [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]
    assert scheduled_weight(0, 100, weight=2.0, delay=0.0, ramp=0.0) == 2.0


def term(
    update: str, *, steps: int, lr: float = 1e-2, projection: str = "none", **more: object
) -> AdversarialTerm:
    adversary = build_adversary({"image": 8}, {"race": 3}, seed=0, given=int(bool(more)))
    optimizer = torch.optim.SGD(adversary.parameters(), lr=lr)
    return AdversarialTerm(
        adversary,
        optimizer,
        lambda loss: loss.backward(),
        steps=steps,
        update=update,
        schedule=lambda step: 1.0,
        projection=projection,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


def batch(findings: torch.Tensor | None = None) -> Batch:
    maker = torch.Generator().manual_seed(5)
    image = F.normalize(torch.randn(10, 8, generator=maker), dim=1).requires_grad_()
    text = F.normalize(torch.randn(10, 8, generator=maker), dim=1)
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=torch.tensor(10.0),
        codes={"race": CODES},
        rows=torch.arange(10),
        findings=torch.zeros(10, 0) if findings is None else findings,
    )


def push(game: AdversarialTerm, weight: float) -> torch.Tensor:
    """Gradient of the penalty alone on the image embeddings."""
    seen = batch()
    game.penalty(seen, InfoNCE()(seen), weight).backward()
    assert seen.image_emb.grad is not None
    return seen.image_emb.grad


def test_both_updates_push_the_towers_the_same_way() -> None:
    one, other = (push(term(update, steps=0), 1.7) for update in ("reversal", "alternating"))
    assert torch.allclose(one, other, atol=1e-7)
    assert one.abs().sum() > 0


def test_the_towers_gradient_is_minus_weight_times_the_adversarys() -> None:
    game = term("reversal", steps=0)
    free = batch().image_emb.detach().clone().requires_grad_()
    adversary_loss(game.adversary({"image": free}), {"race": CODES}).backward()
    assert free.grad is not None
    assert torch.allclose(push(game, 0.5), -0.5 * free.grad, atol=1e-7)


def test_weight_zero_sends_no_gradient_to_the_towers() -> None:
    seen = batch()
    term("reversal", steps=1).penalty(seen, InfoNCE()(seen), 0.0).backward()
    assert seen.image_emb.grad is None


CONFLICT = -3.0
"""A weight at which these embeddings' two gradients point against each other."""


@pytest.mark.parametrize("update", ["reversal", "alternating"])
def test_without_conflict_the_contrastive_loss_is_not_opposed(update: str) -> None:
    seen = batch()
    (pull,) = torch.autograd.grad(InfoNCE()(seen).loss, seen.image_emb)
    free = push(term(update, steps=0), CONFLICT)
    assert (free * pull).sum() < -1e-3, "the two must disagree, or there is nothing to project"
    for rule in ("no_conflict", "no_conflict_per_sample"):
        kept = push(term(update, steps=0, projection=rule), CONFLICT)
        assert (kept * pull).sum() > -1e-6
        assert kept.abs().sum() > 0
    helped = push(term(update, steps=0, projection="zhang"), CONFLICT) + pull
    along = (helped * free).sum() / (free * free).sum()
    assert along.item() == pytest.approx(1.0, abs=1e-4), "what is left along -weight h is -weight h alone"


def test_the_adversary_learns_in_fit_and_stands_still_in_alternating_joint_steps() -> None:
    seen, game = batch(), term("alternating", steps=20, lr=0.5)
    before = adversary_loss(game.adversary({"image": seen.image_emb}), seen.codes).item()
    game.fit(seen)
    after = adversary_loss(game.adversary({"image": seen.image_emb}), seen.codes).item()
    assert after < before - 0.05
    frozen = [p.clone() for p in game.adversary.parameters()]
    game.penalty(seen, InfoNCE()(seen), 1.0).backward()
    game.finish()
    assert all(torch.equal(a, b) for a, b in zip(frozen, game.adversary.parameters(), strict=True))


def test_what_the_adversary_is_told_reaches_its_heads() -> None:
    told = torch.zeros(10, 1)
    told[CODES == 0] = 1.0
    game = term("alternating", steps=80, lr=1.0, given=lambda b: b.findings)
    seen = batch(told)
    blind = Batch(**{**vars(seen), "image_emb": torch.full((10, 8), 8**-0.5, requires_grad=True)})
    game.fit(blind)
    game.penalty(blind, InfoNCE()(blind), 0.0)
    assert game.diagnostics["adversary_accuracy"]["image:race"] >= 2 / 3 - 1e-6


def test_joint_codes_number_the_intersections_and_keep_unknown_apart() -> None:
    codes = {"race": torch.tensor([0, 1, 2, -1, 1]), "sex": torch.tensor([1, 0, 1, 0, -1])}
    assert joint_codes(codes, {"race": 3, "sex": 2})["race*sex"].tolist() == [1, 2, 5, -1, -1]
