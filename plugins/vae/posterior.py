"""The Gaussian posterior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genframe import DiagonalGaussian, Shape

LOG_STD = (-7.0, 4.0)
"""Bounds of log-std: standard deviations from 0.0009 to 55 squared stay far from float32's limits."""


class GaussianPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x), a DiagonalGaussian over (..., *latent_shape).

    One linear layer gives mean and log-std; log-std is clamped to `LOG_STD`.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), 2 * math.prod(latent_shape))

    def forward(self, features: Tensor) -> DiagonalGaussian:
        flat = features.flatten(-self.in_ndim)  # (..., features)
        mean, log_std = self.linear(flat).unflatten(-1, (2, *self.latent_shape)).unbind(flat.ndim - 1)
        log_std = log_std.to(torch.promote_types(log_std.dtype, torch.float32))
        std = log_std.clamp(*LOG_STD).exp()
        return DiagonalGaussian(mean, std, event_ndim=len(self.latent_shape))
