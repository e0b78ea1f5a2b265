import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.errors import ConfigError
from adfair.objectives.group_dro import GroupDroTerm, ascend, cell_losses, cells, dro_excess
from adfair.objectives.interface import Batch, Pairing

COUNTS = {"race": 3, "sex": 2}
RACE = torch.tensor([0, 0, 1, 1, 2, 2, 0, -1, 1, 0])
SEX = torch.tensor([0, 1, 0, 1, 0, 0, 0, 1, -1, 1])
CELL = [0, 1, 2, 3, 4, 4, 0, -1, -1, 1]


def losses(seed: int = 0) -> Tensor:
    return torch.rand(10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 4


def batch(codes: dict[str, Tensor] | None = None, weights: Tensor | None = None) -> Batch:
    emb = torch.zeros(10, 2, dtype=torch.float64)
    return Batch(
        image_emb=emb,
        text_emb=emb,
        logit_scale=torch.ones(()),
        codes={"race": RACE, "sex": SEX} if codes is None else codes,
        rows=torch.arange(10),
        findings=torch.zeros(10, 0),
        weights=weights,
    )


def pairing(per_pair: Tensor) -> Pairing:
    return Pairing(per_pair.mean(), per_pair)


def test_cells_are_intersections_and_unknown_rows_are_in_none() -> None:
    assert cells({"race": RACE, "sex": SEX}, COUNTS).tolist() == CELL


def by_hand(loss: np.ndarray, q: np.ndarray, step_size: float) -> tuple[float, np.ndarray]:
    """Algorithm 1 with all groups of the batch at once; returns the whole training loss and the new q."""
    cell = np.array(CELL)
    means = np.array([loss[cell == g].mean() if (cell == g).any() else 0.0 for g in range(6)])
    here = np.isin(np.arange(6), cell)
    raised = np.where(here, q * np.exp(step_size * means), 0)
    q = np.where(here, raised / raised.sum() * q[here].sum(), q)
    robust = (q * means)[here].sum() / q[here].sum()
    return (8 * robust + loss[cell < 0].sum()) / 10, q


def test_the_total_is_the_robust_loss_of_known_rows_and_the_plain_share_of_the_others() -> None:
    term, q = GroupDroTerm(COUNTS, step_size=0.3), np.full(6, 1 / 6)
    for step in range(4):
        pairs = pairing(losses(step))
        total = pairs.loss + term.penalty(batch(), pairs, 1.0)
        expected, q = by_hand(pairs.per_pair.numpy(), q, 0.3)
        assert total.item() == pytest.approx(expected, abs=1e-12)
        assert np.allclose(term.q.numpy(), q, atol=1e-12)


def test_absent_cells_keep_their_weight_and_no_cell_at_all_changes_nothing() -> None:
    q = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
    means = torch.tensor([1.0, 9.0, 2.0])
    raised = ascend(q, means, torch.tensor([True, False, True]), step_size=0.7)
    assert raised[1].item() == 0.2
    assert raised.sum().item() == pytest.approx(1, abs=1e-12)
    assert (raised[2] / raised[0]).item() == pytest.approx(0.6 * math.exp(0.7), rel=1e-10)
    assert torch.equal(ascend(q, means, torch.zeros(3, dtype=torch.bool), step_size=0.7), q)


def test_pair_weights_count_like_repeated_rows() -> None:
    per_pair = losses()
    twice = torch.ones(10, dtype=torch.float64)
    twice[:2] = 2
    cell = torch.tensor(CELL)
    means, shares = cell_losses(per_pair, cell, 6, twice)
    repeated = cell_losses(torch.cat([per_pair, per_pair[:2]]), torch.cat([cell, cell[:2]]), 6, None)
    assert torch.allclose(means, repeated[0], atol=1e-12)
    assert torch.allclose(shares, repeated[1], atol=1e-12)


def test_zero_where_cells_fare_alike_and_positive_where_equal_cells_do_not() -> None:
    same = torch.full((10,), 1.7, dtype=torch.float64)
    assert GroupDroTerm(COUNTS).penalty(batch(), pairing(same), 1.0).item() == pytest.approx(0, abs=1e-12)
    sex = {"sex": torch.arange(10) % 2}
    unlike = torch.arange(10) % 2 + 1.0
    value = GroupDroTerm({"sex": 2}, step_size=0.5).penalty(batch(sex), pairing(unlike), 1.0).item()
    odds = math.exp(0.5)  # q of the worse over q of the better
    assert value == pytest.approx((1 + 2 * odds) / (1 + odds) - 1.5, abs=1e-6)


def test_weight_zero_gives_exactly_nothing_and_learns_nothing() -> None:
    per_pair = losses().requires_grad_()
    term = GroupDroTerm(COUNTS)
    value = term.penalty(batch(), pairing(per_pair), 0.0)
    assert value.item() == 0
    assert not value.requires_grad
    assert torch.equal(term.q, torch.full((6,), 1 / 6, dtype=torch.float64))


def test_only_unknown_rows_give_nothing() -> None:
    nobody = {"race": torch.full((10,), -1), "sex": SEX}
    per_pair = losses().requires_grad_()
    assert GroupDroTerm(COUNTS).penalty(batch(nobody), pairing(per_pair), 1.0).item() == 0


def test_row_order_does_not_matter() -> None:
    order = torch.randperm(10, generator=torch.Generator().manual_seed(1))
    shuffled = batch({"race": RACE[order], "sex": SEX[order]})
    values = [
        GroupDroTerm(COUNTS).penalty(seen, pairing(per_pair), 1.0).item()
        for seen, per_pair in ((batch(), losses()), (shuffled, losses()[order]))
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


def test_gradients_at_fixed_weights() -> None:
    per_pair = losses().requires_grad_()
    q = torch.softmax(torch.arange(6.0).double(), dim=0)
    cell = torch.tensor(CELL)
    assert torch.autograd.gradcheck(
        lambda z: dro_excess(*cell_losses(z, cell, 6, None), q), (per_pair,), atol=1e-6
    )


def test_descent_narrows_the_gap_between_cells() -> None:
    maker = torch.Generator().manual_seed(2)
    image, text = (torch.randn(10, 4, generator=maker, dtype=torch.float64) for _ in "ab")
    sex = torch.arange(10) % 2
    text = torch.where(sex[:, None] == 0, image, text)  # one group's pairs fit from the start
    image = image.requires_grad_()
    term = GroupDroTerm({"sex": 2}, step_size=1.0)
    optimizer = torch.optim.Adam([image], lr=0.05)
    values = []
    for _ in range(20):
        per_pair = 1 - F.cosine_similarity(image, text)
        value = term.penalty(batch({"sex": sex}), pairing(per_pair), 1.0)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append((per_pair[sex == 1].mean() - per_pair[sex == 0].mean()).item())
    assert 0 < values[-1] < 0.5 * values[0]


def test_the_state_goes_on_where_it_stopped() -> None:
    term, other = GroupDroTerm(COUNTS), GroupDroTerm(COUNTS)
    term.penalty(batch(), pairing(losses(0)), 1.0)
    other.load(term.state())
    values = [each.penalty(batch(), pairing(losses(1)), 1.0).item() for each in (term, other)]
    assert values[0] == values[1]
    assert torch.equal(term.q, other.q)


def test_diagnostics_name_every_cell_and_only_losses_that_were_seen() -> None:
    term = GroupDroTerm(COUNTS)
    assert term.diagnostics["cell_loss"] == {}
    per_pair = losses()
    term.penalty(batch(), pairing(per_pair), 1.0)
    assert list(term.diagnostics["cell_weight"]) == [f"race={r},sex={s}" for r in range(3) for s in range(2)]
    assert sum(term.diagnostics["cell_weight"].values()) == pytest.approx(1)
    assert "race=2,sex=1" not in term.diagnostics["cell_loss"]
    assert term.diagnostics["cell_loss"]["race=0,sex=0"] == pytest.approx(per_pair[[0, 6]].mean().item())


def test_a_continuous_attribute_is_refused() -> None:
    with pytest.raises(ConfigError, match="'sex' is continuous"):
        GroupDroTerm(COUNTS).penalty(batch({"race": RACE, "sex": SEX.double()}), pairing(losses()), 1.0)
