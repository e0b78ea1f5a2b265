"""How fast and how exact is transport by sorting against geomloss' Sinkhorn divergence in one dimension?

    python benchmarks/bench_transport.py [--sizes 64 256] [--rounds 15]

Forward and backward, N points a side, both with gradients, single precision, one thread. Every round times both in turn;
the ratio is the median over rounds. The bar is 50x at 64 points and 200x at 256. The errors are relative to a
linear program (POT's ``ot.emd2``) in double precision.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import ot
import torch
from geomloss import SamplesLoss
from torch import Tensor

from adfair.objectives.transport import transport_cost

BLUR = 1e-4  # FairCLIP's
CALLS = 20  # of ours a round: one alone is near the clock's noise
Cost = Callable[[Tensor, Tensor], Tensor]


def scores(n: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Pair cosines of two groups of n, about as a trained model gives."""
    maker = torch.Generator().manual_seed(seed)
    x, y = 0.5 + 0.15 * torch.randn(n, generator=maker), 0.45 + 0.2 * torch.randn(n, generator=maker)
    return x.requires_grad_(), y.requires_grad_()


def seconds(cost: Cost, x: Tensor, y: Tensor, calls: int) -> float:
    """Processor seconds of one forward and backward pass."""
    start = time.process_time()
    for _ in range(calls):
        torch.autograd.grad(cost(x, y), (x, y))
    return (time.process_time() - start) / calls


def linear_program(x: Tensor, y: Tensor) -> float:
    """The least cost, in double precision."""
    x, y = x.detach().double(), y.detach().double()
    uniform = torch.full_like(x, 1 / len(x)).numpy()
    return float(ot.emd2(uniform, uniform, (0.5 * (x[:, None] - y).square()).numpy(), numItermax=10**7))


def compare(n: int, rounds: int) -> str:
    """The table's line for n points a side."""
    sinkhorn = SamplesLoss("sinkhorn", p=2, blur=BLUR, backend="tensorized")

    def entropic(x: Tensor, y: Tensor) -> Tensor:
        return sinkhorn(x[:, None], y[:, None])

    x, y = scores(n, seed=n)
    seconds(transport_cost, x, y, CALLS), seconds(entropic, x, y, 1)
    pairs = [(seconds(transport_cost, x, y, CALLS), seconds(entropic, x, y, 1)) for _ in range(rounds)]
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    ours, theirs = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
    truth = linear_program(x, y)
    errors = [abs(cost(x, y).item() / truth - 1) for cost in (transport_cost, entropic)]
    return f"| {n} | {ours:.3f} ms | {theirs:.1f} ms | {ratio:.0f}x | {errors[0]:.1e} | {errors[1]:.1%} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| points a side | sorted | Sinkhorn | ratio | error sorted | error Sinkhorn |")
    print("| --- | --- | --- | --- | --- | --- |")
    for n in arguments.sizes:
        print(compare(n, arguments.rounds), flush=True)


if __name__ == "__main__":
    main()
