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

    Rounding is divided by blur^2, 1e-8: double precision throughout, and between the samples potentials less half the
    squared points, so that a sample far larger than the other (FairCLIP's) leaves no large squares to be subtracted.

    Args:
        x, y: [n] and [m], floating.
        blur: square root of the last temperature, in units of x.
        scaling: ratio of successive blurs, in (0, 1).

    Source: Feydy et al. 2019, "Interpolating between Optimal Transport and MMD using Sinkhorn Divergences";
    the annealing is algorithm 3.5 of Feydy's thesis (2020).
    """
    diameter = (torch.cat([x, y]).max() - torch.cat([x, y]).min()).item()
    schedule = temperatures(diameter, blur=blur, scaling=scaling)
    middle = y.detach().double().mean()
    a, b = x.double() - middle, y.double() - middle
    with torch.no_grad():
        eps = schedule[0]
        f, g = _across(eps, a, b, -0.5 * b.square()), _across(eps, b, a, -0.5 * a.square())
        p, q = _within(eps, a, torch.zeros_like(a)), _within(eps, b, torch.zeros_like(b))
        for eps in schedule:
            f, g = (f + _across(eps, a, b, g)) / 2, (g + _across(eps, b, a, f)) / 2
            p, q = (p + _within(eps, a, p)) / 2, (q + _within(eps, b, q)) / 2
    f, g = _across(eps, a, b, g) + 0.5 * a.square(), _across(eps, b, a, f) + 0.5 * b.square()
    return ((f - _within(eps, a, p)).mean() + (g - _within(eps, b, q)).mean()).to(x.dtype)


# The far end of a cost is held fixed: each potential's gradient moves the points that it lives on. The far sample's
# points weigh 1 / their number.
def _across(eps: float, points: Tensor, far: Tensor, potential: Tensor) -> Tensor:
    # Of potentials less half the squared points, in which the cost is minus the product.
    scores = potential + points[:, None] * far.detach()
    return -eps * (torch.logsumexp(scores / eps, dim=1) - math.log(len(far)))


def _within(eps: float, points: Tensor, potential: Tensor) -> Tensor:
    cost = 0.5 * (points[:, None] - points.detach()).square()
    return -eps * (torch.logsumexp((potential - cost) / eps, dim=1) - math.log(len(points)))
