"""Independent Laplace variables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.distributions import Independent, Laplace, register_kl

from genframe import DiagonalGaussian


class DiagonalLaplace(Independent[Laplace]):
    """prod_i exp(-|z_i - loc_i| / scale_i) / (2 scale_i); the last `event_ndim` dimensions are the event.

    loc, scale > 0: (leading ..., *event). torch knows the KL to another one; that to a Gaussian stands below.
    """

    def __init__(self, loc: Tensor, scale: Tensor, *, event_ndim: int = 1) -> None:
        super().__init__(Laplace(loc, scale, validate_args=False), event_ndim, validate_args=False)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> DiagonalLaplace:
        """The same law for a batch of this shape."""
        shape = (*batch_shape, *self.event_shape)
        parts = (self.base_dist.loc.expand(shape), self.base_dist.scale.expand(shape))
        return DiagonalLaplace(*parts, event_ndim=len(self.event_shape))


def _kl_to_gaussian(q: DiagonalLaplace, p: DiagonalGaussian) -> Tensor:
    """sum_i log(s sqrt(2 pi) / (2 b)) - 1 + (2 b^2 + (loc - mean)^2) / (2 s^2), since E z^2 = loc^2 + 2 b^2."""
    loc, scale, std = q.base_dist.loc, q.base_dist.scale, p.stddev
    squares = (2 * scale.square() + (loc - p.mean).square()) / (2 * std.square())
    terms = (std / scale).log() + squares + (0.5 * math.log(math.pi / 2) - 1)
    total: Tensor = terms.flatten(-len(q.event_shape)).sum(-1)
    return total


register_kl(DiagonalLaplace, DiagonalGaussian)(_kl_to_gaussian)  # type: ignore[no-untyped-call]
