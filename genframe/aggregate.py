"""The aggregate posterior q(z) = 1/N sum_n q(z|x_n): its density, exact over all N, and what follows from it.

    mean_n KL(q(z|x_n) || p(z)) = I_q(n; z) + KL(q(z) || p(z)),        I_q(n; z) <= log N

is the evidence lower bound's surgery (Hoffman & Johnson 2016, eq. 6): how much a code says of which example it is of,
and how far all codes together are from the prior. Everything is in nats, and summed in double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from genframe.distributions import Bernoulli, DiagonalGaussian

ELEMENTS = 1 << 22
"""Numbers that are in memory at once: 32 MB of doubles."""


@dataclass(frozen=True)
class Aggregate:
    """The mixture, in equal parts, of all laws of `blocks`, each of a batch shape (rows,)."""

    blocks: Sequence[Distribution]

    @property
    def count(self) -> int:
        return sum(int(block.batch_shape[0]) for block in self.blocks)

    def log_prob(self, z: Tensor, tell: Callable[[str], None] | None = None) -> Tensor:
        """log q(z) of each z (points, *event): (points,), double."""
        total = torch.full((len(z),), -math.inf, dtype=torch.float64, device=z.device)
        done = 0
        for block in self.blocks:
            rows = int(block.batch_shape[0])
            size = max(1, ELEMENTS // (rows * _width(block, z)))
            part = [pairwise(block, some).logsumexp(1) for some in torch.split(z, size)]
            total = torch.logaddexp(total, torch.cat(part))
            done += rows
            if tell is not None:
                tell(f"log q(z) of {len(z):,} codes: {done:,} of {self.count:,} examples")
        return total - math.log(self.count)

    def log_prob_each(self, z: Tensor) -> Tensor | None:
        """log q(z_j) of each number of z (points, *event): (points, numbers); None where marginals are not known."""
        total: Tensor | None = None
        for block in self.blocks:
            alone = marginals(block)
            if alone is None:
                return None
            rows = int(block.batch_shape[0])
            size = max(1, ELEMENTS // (rows * math.prod(z.shape[1:])))
            part = [
                alone.log_prob(some.unsqueeze(1)).double().flatten(2).logsumexp(1)
                for some in torch.split(z, size)
            ]
            sums = torch.cat(part)
            total = sums if total is None else torch.logaddexp(total, sums)
        return None if total is None else total - math.log(self.count)

    def sample_each(self) -> Tensor:
        """A draw of every law of the mixture: (count, *event)."""
        return torch.cat([block.sample() for block in self.blocks])

    def rows(self, values: Tensor) -> Iterator[tuple[Distribution, Tensor]]:
        """Each block beside its part of `values` (count, ...)."""
        sizes = [int(block.batch_shape[0]) for block in self.blocks]
        yield from zip(self.blocks, values.split(sizes), strict=True)  # type: ignore[no-untyped-call]

    def own_log_prob(self, z: Tensor) -> Tensor:
        """log q(z_n|x_n) of one code of every law, z (count, *event): (count,), double."""
        return torch.cat([_own(block, part) for block, part in self.rows(z)])


@singledispatch
def pairwise(laws: Distribution, z: Tensor) -> Tensor:
    """log law_n(z_i) of each point z (points, *event) under each law (rows,): (points, rows), double."""
    event = z.shape[1:]
    rows = int(laws.batch_shape[0])
    density: Tensor = laws.log_prob(z.unsqueeze(1).expand(len(z), rows, *event))
    return density.double()


@pairwise.register
def _(laws: DiagonalGaussian, z: Tensor) -> Tensor:
    """By two matrix products: sum_j (z_j - m_j)^2 / s_j^2 = z^2 . 1/s^2 - 2 z . m/s^2 + m . m/s^2.

    The points are centred first, so that little is lost to cancellation; in double precision nothing that shows.
    """
    mean, std = laws.mean.double().flatten(1), laws.stddev.double().flatten(1)  # (rows, numbers)
    centre = mean.mean(0)
    mean, points = mean - centre, z.double().flatten(1) - centre
    precision = std.square().reciprocal()
    constant = (
        (mean.square() * precision).sum(1) + 2 * std.log().sum(1) + mean.shape[1] * math.log(2 * math.pi)
    )
    squares = points.square() @ precision.T - 2 * points @ (mean * precision).T
    return -0.5 * (squares + constant)


def _own(laws: Distribution, z: Tensor) -> Tensor:
    if isinstance(laws, DiagonalGaussian):
        double = DiagonalGaussian(laws.mean.double(), laws.stddev.double(), event_ndim=laws.event_ndim)
        return double.log_prob(z.double())
    density: Tensor = laws.log_prob(z)
    return density.double()


def _width(laws: Distribution, z: Tensor) -> int:
    return 1 if isinstance(laws, DiagonalGaussian) else math.prod(z.shape[1:])


def marginals(law: Distribution) -> Distribution | None:
    """The law of each number of the event alone, of a batch shape (batch ..., *event); None where it is not known.

    A distribution of a plugin's own can offer `marginals()`.
    """
    own = getattr(law, "marginals", None)
    if callable(own):
        found: Distribution = own()
        return found
    match law:
        case DiagonalGaussian():
            return Normal(law.mean.double(), law.stddev.double(), validate_args=False)
        case Bernoulli():
            return TorchBernoulli(logits=law.logits.double(), validate_args=False)
        case Independent() if law.base_dist.event_shape == ():
            base: Distribution = law.base_dist
            return base
        case MultivariateNormal():
            return Normal(law.mean.double(), law.stddev.double(), validate_args=False)
    return None


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Tensor) -> Estimate:
        values = values.double()
        spread = float(values.std()) if len(values) > 1 else math.nan
        return cls(float(values.mean()), spread / math.sqrt(len(values)))


@dataclass(frozen=True)
class Surgery:
    """The two parts of the rate, by the same codes; `information` is I_q(n; z), `divergence` KL(q(z) || p(z))."""

    log_n: float
    information: Estimate
    divergence: Estimate
    rate: Estimate


def surgery(own: Tensor, aggregate: Tensor, prior: Tensor, count: int) -> Surgery:
    """From log q(z_i|x_i), log q(z_i) and log p(z_i) (codes,) of codes z_i ~ q(z|x_i) of random examples i of `count`.

    own - prior = (own - aggregate) + (aggregate - prior) code by code, so that the identity holds exactly.
    """
    parts = (own - aggregate, aggregate - prior, own - prior)
    return Surgery(math.log(count), *map(Estimate.of, parts))


def active_units(means: Tensor) -> Tensor:
    """Var_x(E_q[z_j|x]) of each number of the codes' means (examples, *event): (numbers,) (Burda et al. 2016, 5)."""
    return means.double().flatten(1).var(0)


def means_of(law: Distribution, draws: int = 16) -> Tensor:
    """E_q[z|x] (rows, *event), by draws where no closed form is known."""
    try:
        mean: Tensor = law.mean
    except NotImplementedError:
        mean = law.sample((draws,)).float().mean(0)
    return mean


def outside(of: Tensor, typical: Tensor, share: float = 0.01) -> tuple[float, float]:
    """The share of the densities `of` that lie below the `share`-quantile of the `typical` ones, and that quantile.

    Of a law that is the typical one, `share` do.
    """
    threshold = typical.double().quantile(share)
    return float((of < threshold).double().mean()), float(threshold)


def nearest_distances(points: Tensor, others: Tensor) -> Tensor:
    """The distance of each point (points, ...) to the nearest of the others: (points,)."""
    flat, behind = points.flatten(1).float(), others.flatten(1).float()
    size = max(1, ELEMENTS // len(behind))
    return torch.cat([torch.cdist(part, behind).amin(1) for part in torch.split(flat, size)])
