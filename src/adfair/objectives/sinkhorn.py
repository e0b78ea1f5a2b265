"""The Sinkhorn divergence between two samples on a line, as ``geomloss`` computes it; FairCLIP's code uses that."""

import math

import numpy as np
import torch
from torch import Tensor


def temperatures(diameter: float, *, blur: float, scaling: float) -> list[float]:
    """Temperatures of the annealed iterations: diameter^2, then times scaling^2 down to blur^2, in squared units.

    Two samples without any spread start at the blur: there is nothing to anneal (our choice).
    """
    start = diameter or blur
    between = np.exp(np.arange(2 * math.log(start), 2 * math.log(blur), 2 * math.log(scaling)))
    return [start**2, *between.tolist(), blur**2]


def sinkhorn_divergence(x: Tensor, y: Tensor, *, blur: float = 1e-4, scaling: float = 0.5) -> Tensor:
    """Debiased entropic transport cost of |x - y|^2 / 2 between two samples of equal weights, a scalar.

    One symmetric update of the dual potentials at every temperature, and a last full one that carries the
    gradient. At a small blur the potentials are therefore not converged, and the figure is tens of per cent off
    ``transport.transport_cost``: that is the published behaviour. The gradient holds the potentials fixed
    (the envelope theorem), so it is the derivative of the figure only where they have converged.

    Args:
        x, y: [n] and [m], floating.
        blur: square root of the last temperature, in units of x.
        scaling: ratio of successive blurs, in (0, 1).

    Source: Feydy et al. 2019, "Interpolating between Optimal Transport and MMD using Sinkhorn Divergences";
    the annealing is algorithm 3.5 of Feydy's thesis (2020).
    """
    diameter = (torch.cat([x, y]).max() - torch.cat([x, y]).min()).item()
    to_y, to_x = _cost(x, y), _cost(y, x)
    in_x, in_y = _cost(x, x), _cost(y, y)
    schedule = temperatures(diameter, blur=blur, scaling=scaling)
    with torch.no_grad():
        zero_x, zero_y = torch.zeros_like(x), torch.zeros_like(y)
        eps = schedule[0]
        f, g = _softmin(eps, to_y, zero_y), _softmin(eps, to_x, zero_x)
        p, q = _softmin(eps, in_x, zero_x), _softmin(eps, in_y, zero_y)
        for eps in schedule:
            f, g = (f + _softmin(eps, to_y, g)) / 2, (g + _softmin(eps, to_x, f)) / 2
            p, q = (p + _softmin(eps, in_x, p)) / 2, (q + _softmin(eps, in_y, q)) / 2
    f, g = _softmin(eps, to_y, g), _softmin(eps, to_x, f)
    p, q = _softmin(eps, in_x, p), _softmin(eps, in_y, q)
    return (f - p).mean() + (g - q).mean()


def _cost(x: Tensor, y: Tensor) -> Tensor:
    # The far end is held fixed: each potential's gradient moves the points that it lives on.
    return 0.5 * (x[:, None] - y.detach()).square()


def _softmin(eps: float, cost: Tensor, potential: Tensor) -> Tensor:
    # Rows of cost over the other sample's points, which weigh 1 / their number.
    return -eps * (torch.logsumexp((potential - cost) / eps, dim=1) - math.log(cost.shape[1]))
