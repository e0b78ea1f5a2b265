"""What holds for every term that compares groups within the batch."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.errors import ConfigError
from adfair.objectives.coral import CoralTerm
from adfair.objectives.fairclip import FairClipExact
from adfair.objectives.fairclip_plus import FairClipPlus
from adfair.objectives.interface import Batch, Pairing
from adfair.objectives.mmd import MmdTerm
from adfair.objectives.term import MIN_ROWS, DistanceTerm, group_codes, group_rows

ATTRIBUTES = ("race", "sex")
TERMS: dict[str, Callable[[float], DistanceTerm]] = {
    "fairclip_exact": lambda weight: FairClipExact(weight=weight),
    "fairclip_plus": lambda weight: FairClipPlus(ATTRIBUTES, weight=weight),
    "mmd": lambda weight: MmdTerm(weight=weight),
    "coral": lambda weight: CoralTerm(weight=weight),
}
each_term = pytest.mark.parametrize("make", TERMS.values(), ids=TERMS)


def unit(n: int, seed: int, d: int = 6) -> Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


def race_and_sex(n: int) -> dict[str, Tensor]:
    row = torch.arange(n)
    return {"race": row % 3, "sex": torch.where(row % 7 == 0, -1, row // 2 % 2)}


def batch(image: Tensor, text: Tensor, codes: dict[str, Tensor] | None = None) -> Batch:
    n = len(image)
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=image.new_tensor(4.0),
        codes=race_and_sex(n) if codes is None else codes,
        rows=torch.arange(n),
        findings=torch.zeros(n, 0),
    )


def apart(n: int = 36) -> tuple[Tensor, Tensor]:
    """Embeddings in which the groups of ``race`` lie apart and their pairs are unlike."""
    image, text, race = unit(n, 0), unit(n, 1), torch.arange(n) % 3
    shift = torch.eye(6, dtype=torch.float64)[race]
    return F.normalize(image + shift, dim=1), F.normalize(text + (race == 0).double()[:, None] * image, dim=1)


def penalty(term: DistanceTerm, seen: Batch, weight: float = 1.0) -> Tensor:
    nothing = seen.image_emb.new_zeros(len(seen.image_emb))
    return term.penalty(seen, Pairing(nothing.mean(), nothing), weight)


@each_term
def test_the_penalty_is_the_weight_times_the_mean_distance(make: Callable[[float], DistanceTerm]) -> None:
    term, seen = make(3.0), batch(*apart())
    value = penalty(term, seen, 2.5)
    distances = term.diagnostics["fairness_distance"]
    assert list(distances) == list(ATTRIBUTES)
    assert value.item() == pytest.approx(2.5 * sum(distances.values()) / 2, rel=1e-9)
    assert [term.weight(0), term.weight(99)] == [3.0, 3.0]
    assert term.adversary is None


@each_term
def test_weight_zero_gives_exactly_nothing_and_is_still_measured(
    make: Callable[[float], DistanceTerm],
) -> None:
    image, text = (emb.requires_grad_() for emb in apart())
    term = make(0.0)
    value = penalty(term, batch(image, text), 0.0)
    assert value.item() == 0
    assert not value.requires_grad
    assert term.diagnostics["fairness_distance"]["race"] > 0


@each_term
def test_positive_where_groups_differ_and_near_zero_where_they_do_not(
    make: Callable[[float], DistanceTerm],
) -> None:
    image, text = apart()
    term = make(1.0)
    penalty(term, batch(image, text, {"race": torch.arange(36) % 3}))
    differ = term.diagnostics["fairness_distance"]["race"]
    penalty(
        term,
        batch(image, text, {"race": torch.randint(3, (36,), generator=torch.Generator().manual_seed(3))}),
    )
    assert differ > 3 * abs(term.diagnostics["fairness_distance"]["race"])


@each_term
def test_row_order_does_not_matter(make: Callable[[float], DistanceTerm]) -> None:
    image, text = apart()
    codes, order = race_and_sex(36), torch.randperm(36, generator=torch.Generator().manual_seed(4))
    shuffled = batch(image[order], text[order], {a: c[order] for a, c in codes.items()})
    term = make(1.0)
    assert penalty(term, shuffled).item() == pytest.approx(
        penalty(term, batch(image, text)).item(), rel=1e-10
    )


@each_term
def test_unknown_rows_are_in_no_group_and_no_comparison(make: Callable[[float], DistanceTerm]) -> None:
    image, text = apart()
    codes = torch.where(torch.arange(36) < 6, -1, torch.arange(36) % 3)
    moved = torch.cat([unit(6, 8), image[6:]]).requires_grad_()
    term = make(1.0)
    value = penalty(term, batch(moved, text, {"race": codes, "sex": codes}))
    assert value.item() == pytest.approx(
        penalty(term, batch(image, text, {"race": codes, "sex": codes})).item(), rel=1e-10
    )
    (grad,) = torch.autograd.grad(value, moved)
    assert torch.count_nonzero(grad[:6]) == 0


@each_term
def test_small_groups_add_nothing(make: Callable[[float], DistanceTerm]) -> None:
    image, text = (emb.requires_grad_() for emb in apart())
    unknown, one = torch.full((36,), -1), torch.zeros(36, dtype=torch.int64)
    few = torch.where(torch.arange(36) < MIN_ROWS - 1, 0, -1)
    for codes in (unknown, few, one):
        value = penalty(make(1.0), batch(image, text, {"race": codes, "sex": codes}))
        assert value.item() == pytest.approx(0, abs=1e-12)
        (grad,) = torch.autograd.grad(value + 0 * image.sum(), image)
        assert torch.allclose(grad, torch.zeros_like(grad), atol=1e-12)


@pytest.mark.parametrize("name", sorted(TERMS.keys() - {"mmd"}))  # whose bandwidth has no gradient: test_mmd
def test_gradients(name: str) -> None:
    image, text = (emb.requires_grad_() for emb in apart(12))
    term = TERMS[name](1.0)
    assert torch.autograd.gradcheck(lambda i, t: penalty(term, batch(i, t)), (image, text), atol=1e-6)


@each_term
def test_gradient_steps_bring_the_groups_together(make: Callable[[float], DistanceTerm]) -> None:
    image, text = (emb.requires_grad_() for emb in apart())
    term = make(1.0)
    optimizer = torch.optim.Adam([image, text], lr=0.02)
    values = []
    for _ in range(15):
        value = penalty(term, batch(F.normalize(image, dim=1), F.normalize(text, dim=1)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


def test_group_rows() -> None:
    codes = torch.tensor([2, -1, 0, 2, 2, 0])
    assert [rows.tolist() for rows in group_rows(codes, least=1)] == [[2, 5], [0, 3, 4]]
    assert [rows.tolist() for rows in group_rows(codes, least=3)] == [[0, 3, 4]]


def test_a_continuous_attribute_is_refused() -> None:
    with pytest.raises(ConfigError, match="'age' is continuous"):
        group_codes({"age": torch.tensor([0.3, -1.2])}, "age")
