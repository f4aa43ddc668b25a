"""The Laplace posterior."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Shape

from ..laws.laplace import DiagonalLaplace

LOG_SCALE = (-7.0, 4.0)
"""Bounds of the log-scale: scales from 0.0009 to 55 squared stay far from float32's limits."""


class LaplacePosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x): independent Laplace variables over (..., *latent_shape).

    One linear layer gives locations and log-scales, the latter clamped to `LOG_SCALE`. Beside the prior `laplace` or
    `gaussian` the KL has a closed form.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), 2 * math.prod(latent_shape))

    def forward(self, features: Tensor) -> DiagonalLaplace:
        both = self.linear(features.flatten(-self.in_ndim)).float().unflatten(-1, (2, *self.latent_shape))
        loc, log_scale = both.unbind(-1 - len(self.latent_shape))  # (..., *latent_shape) each
        scale = F.hardtanh(log_scale, *LOG_SCALE).exp()
        return DiagonalLaplace(loc, scale, event_ndim=len(self.latent_shape))
