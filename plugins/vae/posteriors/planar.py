"""A posterior of planar flows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Shape

from ..laws.flow import Flow
from .gaussian import GaussianPosterior

LEAST = 1e-3
"""How far w.u stays above -1, where a step would fold space."""
HALVINGS = 24
"""Of the interval in which a scalar equation is solved; Newton's steps go on to double precision."""


class PlanarPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x): a diagonal Gaussian and `flows` planar flows.

        z' = z + u tanh(w.z + b),        log|det| = log(1 + (w.u) (1 - tanh^2(w.z + b))),        w.u > -1

    Rezende & Mohamed 2015, eq. 10 to 12. One linear layer gives u, w and b of each flow for each x (amortised), or
    they are parameters that all x share. u is moved along w so that a step stays invertible (their appendix A.1). Ten
    flows are the fewest of their experiments on MNIST.
    """

    def __init__(
        self, in_shape: Shape, latent_shape: Shape, *, flows: Count = 10, amortised: bool = True
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        size = math.prod(latent_shape)
        self.sizes = (flows, 2 * size + 1)
        self.base = GaussianPosterior(in_shape, (size,))
        self.amortised = amortised
        if amortised:
            self.linear = nn.Linear(math.prod(in_shape), flows * (2 * size + 1))
        else:
            self.shared = nn.Parameter(0.1 * torch.randn(self.sizes))

    def forward(self, features: Tensor) -> Flow:
        base = self.base(features)
        if self.amortised:
            flat = self.linear(features.flatten(-self.in_ndim)).float()
            every = flat.unflatten(-1, self.sizes)  # (..., flows, 2 size + 1)
        else:
            every = self.shared
        return Flow(base, [Planar(one) for one in every.unbind(-2)], self.latent_shape)


class Planar:
    """z -> z + u tanh(w.z + b), with u, w and b from (..., 2 size + 1)."""

    def __init__(self, parameters: Tensor) -> None:
        size = parameters.shape[-1] // 2
        raw, self.w, self.b = torch.split(parameters, [size, size, 1], -1)
        product = (self.w * raw).sum(-1, keepdim=True)
        self.slope = F.softplus(product) - (1 - LEAST)  # w.u, above -1
        along = self.w / self.w.square().sum(-1, keepdim=True).clamp(min=1e-12)
        self.u = raw + (self.slope - product) * along

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        wave = torch.tanh((self.w * z).sum(-1, keepdim=True) + self.b)
        return torch.addcmul(z, self.u, wave), self._volume(wave)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """a = w.z solves a + (w.u) tanh(a + b) = w.z', whose left side rises: by bisection and Newton's steps in
        double precision, the last of which carries the gradient of the inverse.
        """
        target = (self.w * z).sum(-1, keepdim=True).double()
        slope, b = self.slope.double(), self.b.double()
        with torch.no_grad():
            low, high = target - slope.abs() - 1e-9, target + slope.abs() + 1e-9
            for _ in range(HALVINGS):
                middle = 0.5 * (low + high)
                above = middle + slope * torch.tanh(middle + b) > target
                low, high = torch.where(above, low, middle), torch.where(above, middle, high)
            a = 0.5 * (low + high)
            for _ in range(2):
                a = a - (a + slope * torch.tanh(a + b) - target) / (
                    1 + slope * (1 - torch.tanh(a + b).square())
                )
            rate = 1 + slope * (1 - torch.tanh(a + b).square())
        a = a - (a + slope * torch.tanh(a + b) - target) / rate
        wave = torch.tanh(a + b).to(z.dtype)
        return z - self.u * wave, self._volume(wave)

    def _volume(self, wave: Tensor) -> Tensor:
        """log|det| of the step, which is positive as w.u > -1."""
        return torch.log1p(self.slope * (1 - wave.square())).squeeze(-1)
