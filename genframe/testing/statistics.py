"""Small classical statistics on torch, in double precision: what the checks of distributions are decided by.

Every test here returns a p-value or an error bar; who calls it chooses the false-alarm rate and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SAMPLES = 16384
"""How many a test of a law draws."""
ALARM = 1e-9
"""The p-value below which a test of a law speaks."""
ERRORS = 6.5
"""Standard errors beyond which an estimate speaks: a normal one does in 1e-10 of all cases."""

_GAUSS = 0.5 - 0.5 / math.sqrt(3)
"""Where the two nodes of Gauss and Legendre lie in [0, 1], from either end: exact for cubics, both weights 1/2."""


def kolmogorov_p(distance: float, n: float) -> float:
    """P(sqrt(n) D > sqrt(n) distance) of Kolmogorov's limit law, from above: 2 exp(-2 n distance^2), at most 1.

    The first term of an alternating series, so the true p-value is never larger (Massart 1990 for finite n).
    """
    return min(1.0, 2 * math.exp(-2 * n * distance * distance))


def ks_one_sample(samples: Tensor, knots: Tensor, cdf: Tensor) -> tuple[float, float]:
    """The largest distance, at sorted `knots` (K,), between the samples' (n,) distribution function and `cdf` (K,).

    Returns (distance, the knot where it is). The supremum over knots is at most that over the line, so the p-value
    `kolmogorov_p(distance, n)` errs on the side of no alarm.
    """
    below = torch.searchsorted(samples.double().sort().values, knots.double().contiguous(), right=True)
    below = below / len(samples)
    gaps = (below - cdf.double()).abs()
    place = int(gaps.argmax())
    return float(gaps[place]), float(knots[place])


def ks_two_sample(first: Tensor, second: Tensor) -> tuple[Tensor, float]:
    """Kolmogorov and Smirnov's distances (columns,) between samples (n, columns) and (m, columns), column by column.

    Returns them with the p-value of the largest (too large under ties).
    """
    ordered = [part.double().T.contiguous().sort(-1).values for part in (first, second)]
    places = torch.cat(ordered, -1)
    shares = [torch.searchsorted(part, places, right=True) / part.shape[-1] for part in ordered]
    distances = (shares[0] - shares[1]).abs().amax(-1)
    effective = len(first) * len(second) / (len(first) + len(second))
    return distances, kolmogorov_p(float(distances.max()), effective)


def chi_square_p(counts: Tensor, expected: Tensor, least: float = 10.0) -> float:
    """Pearson's p-value of counts (bins,) against expected counts; bins that expect fewer than `least` are pooled.

    What `expected` lacks of the sum of counts stands in the pool too. 1 where fewer than two bins are left.
    """
    counts, expected = counts.double(), expected.double()
    large = expected >= least
    rest = float(counts.sum() - expected[large].sum())
    observed, hoped = counts[large], expected[large]
    if rest >= least:
        observed = torch.cat([observed, counts[~large].sum()[None]])
        hoped = torch.cat([hoped, torch.tensor([rest], dtype=torch.float64)])
    if len(hoped) < 2:
        return 1.0
    statistic = ((observed - hoped).square() / hoped).sum()
    freedom = torch.tensor((len(hoped) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, statistic / 2))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over independent draws, and its standard error: tensors of one shape."""

    value: Tensor
    error: Tensor

    def beyond(self, other: Tensor, errors: float, slack: Tensor | float = 0.0) -> Tensor:
        """Where it is farther than so many standard errors, and `slack`, from `other`."""
        return (self.value - other).abs() > errors * self.error + slack


def mean_of(draws: Tensor) -> Estimate:
    """The mean over dimension 0, in double precision."""
    draws = draws.double()
    return Estimate(draws.mean(0), draws.std(0) / math.sqrt(len(draws)))


def panels(knots: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes (2 (K - 1), ...) and weights for an integral over sorted knots (K, ...), two Gauss nodes a panel."""
    left, width = knots[:-1], knots.diff(dim=0)
    nodes = torch.stack([left + _GAUSS * width, left + (1 - _GAUSS) * width], 1)
    weights = (0.5 * width).unsqueeze(1).expand_as(nodes)
    return nodes.flatten(0, 1), weights.flatten(0, 1)


def cumulative(density: Callable[[Tensor], Tensor], knots: Tensor) -> Tensor:
    """The integral of a density from the first knot to each: (K, ...), of knots (K, ...) sorted along dimension 0.

    Where the knots are the law's own samples, every panel holds a share 1/K of it: heavy tails, gaps between modes
    and ends of the support cost an error of that order, and no more. `density` maps (nodes, ...) to the same shape.
    """
    nodes, weights = panels(knots)
    masses = (weights * density(nodes)).reshape(-1, 2, *knots.shape[1:]).sum(1)
    return torch.cat([torch.zeros_like(knots[:1]), masses.cumsum(0)])


def knots_of(samples: Tensor, count: int, gaps: int = 8) -> Tensor:
    """About `count` knots from samples (n, ...) for a quadrature: quantiles, doubling ever finer towards both ends.

    The two ends of the `gaps` widest holes between samples are knots too, so that nothing leaks out of a mode.
    """
    ordered = samples.sort(dim=0).values
    n = len(ordered)
    middle = torch.linspace(0, n - 1, count).round().long()
    tail = torch.tensor([2**power for power in range(int(math.log2(max(n // count, 1))) + 1)])
    places = torch.unique(torch.cat([middle, tail, n - 1 - tail]))
    widest = ordered.diff(dim=0).topk(min(gaps, n - 1), dim=0).indices
    chosen = [ordered[places], ordered.gather(0, widest), ordered.gather(0, widest + 1)]
    return torch.cat(chosen).sort(dim=0).values


def spread(samples: Tensor) -> Tensor:
    """A scale of samples (n, ...) that heavy tails do not touch: half the range of the middle two thirds."""
    low, high = (samples.double().quantile(q, dim=0) for q in (1 / 6, 5 / 6))
    return 0.5 * (high - low)
