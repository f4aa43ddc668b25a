"""The Gaussian posterior with a full covariance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints, register_kl
from torch.nn import functional as F

from genframe import DiagonalGaussian, Shape

from .gaussian import LOG_STD

BOUND = 3.0
"""Of what stands below the diagonal, against the diagonal: two latents correlate to at most 0.95."""


class FullGaussian(Distribution):
    """N(mean, L L'); the event is of any shape, and L a lower triangle over its numbers, of positive diagonal.

    mean: (leading ..., *event). root: L, (leading ..., size, size).
    """

    arg_constraints = {}
    has_rsample = True

    def __init__(self, mean: Tensor, root: Tensor, *, event_ndim: int = 1) -> None:
        self._mean, self.root = mean, root
        place = mean.ndim - event_ndim
        super().__init__(mean.shape[:place], mean.shape[place:], validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.real, len(self.event_shape))  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def mode(self) -> Tensor:
        return self._mean

    @property
    def variance(self) -> Tensor:
        return self.root.square().sum(-1).reshape(self._mean.shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """mean + L epsilon: (*sample_shape, leading ..., *event), differentiable."""
        shape = (*sample_shape, *self._mean.shape)
        epsilon = torch.randn(shape, dtype=self._mean.dtype, device=self._mean.device)
        moved = (self.root @ self._flat(epsilon).unsqueeze(-1)).squeeze(-1)
        return self._mean + moved.reshape(shape)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event) -> (samples ..., batch ...)."""
        distance = self._flat(value - self._mean).unsqueeze(-1)  # (..., size, 1)
        white: Tensor = torch.linalg.solve_triangular(self.root, distance, upper=False).squeeze(-1)
        constant = 0.5 * math.log(2 * math.pi) * self.root.shape[-1]
        return -0.5 * white.square().sum(-1) - self.log_volume() - constant

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        return self.log_volume() + 0.5 * math.log(2 * math.pi * math.e) * self.root.shape[-1]

    def log_volume(self) -> Tensor:
        """log|det L|: (leading ...)."""
        return self.root.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def _flat(self, value: Tensor) -> Tensor:
        return value.flatten(value.ndim - len(self.event_shape))


def _kl_to_diagonal(q: FullGaussian, p: DiagonalGaussian) -> Tensor:
    """1/2 sum_i ((L L')_ii + (mean_i - m_i)^2) / s_i^2 - d/2 + sum_i log s_i - log|det L|."""
    std = p.stddev
    squares = (q.variance + (q.mean - p.mean).square()) / std.square()
    terms = (0.5 * (squares - 1) + std.log()).flatten(q.mean.ndim - len(q.event_shape))
    return terms.sum(-1) - q.log_volume()


register_kl(FullGaussian, DiagonalGaussian)(_kl_to_diagonal)  # type: ignore[no-untyped-call]


class FullGaussianPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x), a Gaussian over (..., *latent_shape) whose numbers are correlated.

    One linear layer gives the mean and a Cholesky factor L = diag(s) (I + N) (Kingma & Welling 2019, section 2.5): of
    20 latents 230 numbers. log s is clamped as the diagonal posterior's log-std is; N, below the diagonal, is smoothly
    bounded by `BOUND`, so that L can be inverted in single precision, and starts small, near the diagonal posterior.
    """

    lower: Tensor

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        size = math.prod(latent_shape)
        self.sizes = [size, size, size * (size - 1) // 2]
        self.linear = nn.Linear(math.prod(in_shape), sum(self.sizes))
        with torch.no_grad():
            self.linear.weight[2 * size :] *= 0.1
        self.register_buffer("lower", torch.tril_indices(size, size, -1), persistent=False)

    def forward(self, features: Tensor) -> FullGaussian:
        mean, log_std, below = self.linear(features.flatten(-self.in_ndim)).float().split(self.sizes, -1)
        std = F.hardtanh(log_std, *LOG_STD).exp()
        root = torch.diag_embed(torch.ones_like(std))
        root[..., self.lower[0], self.lower[1]] = BOUND * torch.tanh(below / BOUND)
        root = std.unsqueeze(-1) * root
        return FullGaussian(mean.unflatten(-1, self.latent_shape), root, event_ndim=len(self.latent_shape))
