"""The Gaussian posterior."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import DiagonalGaussian, Positive, Shape

LOG_STD = (-7.0, 4.0)
"""Bounds of log-std: standard deviations from 0.0009 to 55 squared stay far from float32's limits."""


class GaussianPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x), a DiagonalGaussian over (..., *latent_shape).

    One linear layer gives mean and log-std; log-std is clamped to `LOG_STD`. With `std` the layer gives the mean alone,
    and every standard deviation is that number: the constant-variance VAE of Ghosh et al. 2020, section 3.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape, *, std: Positive | None = None) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape, self.std = len(in_shape), tuple(latent_shape), std
        self.linear = nn.Linear(math.prod(in_shape), (2 if std is None else 1) * math.prod(latent_shape))

    def forward(self, features: Tensor) -> DiagonalGaussian:
        flat = features.flatten(-self.in_ndim)  # (..., features)
        numbers = self.linear(flat)
        if self.std is not None:
            numbers = numbers.float() if numbers.dtype in (torch.float16, torch.bfloat16) else numbers
            fixed = torch.full_like(numbers, self.std)
            return DiagonalGaussian(*self._shaped(numbers, fixed), event_ndim=len(self.latent_shape))
        mean, log_std = self._shaped(*numbers.chunk(2, -1))
        if log_std.dtype in (torch.float16, torch.bfloat16):
            log_std = log_std.float()
        std = F.hardtanh(log_std, *LOG_STD).exp()  # a clamp whose backward is one operator
        return DiagonalGaussian(mean, std, event_ndim=len(self.latent_shape))

    def _shaped(self, *parts: Tensor) -> tuple[Tensor, ...]:
        """(..., size) each -> (..., *latent_shape)."""
        if len(self.latent_shape) == 1:
            return parts
        return tuple(part.unflatten(-1, self.latent_shape) for part in parts)  # type: ignore[no-untyped-call]
