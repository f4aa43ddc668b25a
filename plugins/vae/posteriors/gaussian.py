"""The Gaussian posterior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        mean, log_std = self.linear(flat).chunk(2, -1)
        if len(self.latent_shape) > 1:
            mean, log_std = (part.unflatten(-1, self.latent_shape) for part in (mean, log_std))
        if log_std.dtype in (torch.float16, torch.bfloat16):
            log_std = log_std.float()
        std = F.hardtanh(log_std, *LOG_STD).exp()  # a clamp whose backward is one operator
        return DiagonalGaussian(mean, std, event_ndim=len(self.latent_shape))
