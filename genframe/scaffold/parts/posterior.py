"""A posterior with heavy tails."""

from __future__ import annotations

import math

from genframe import Shape
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace

LOG_SCALE = (-7.0, 4.0)
"""Bounds of the log-scale: scales from 0.0009 to 55 stay far from float32's limits."""


class MyPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x): independent Laplace variables over (..., *latent_shape).

    One linear layer gives locations and log-scales, the latter clamped to `LOG_SCALE`. A sample is
    loc - scale sign(u) log(1 - 2|u|) of a uniform u, so that gradients pass through `rsample`.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), 2 * math.prod(latent_shape))

    def forward(self, features: Tensor) -> Distribution:
        flat = features.flatten(-self.in_ndim)  # (..., features)
        both = self.linear(flat).float().unflatten(-1, (2, *self.latent_shape))
        loc, log_scale = both.unbind(-1 - len(self.latent_shape))  # (..., *latent_shape) each
        laplace = Laplace(loc, log_scale.clamp(*LOG_SCALE).exp(), validate_args=False)
        return Independent(laplace, len(self.latent_shape), validate_args=False)
