"""The von Mises-Fisher posterior: codes on the unit sphere."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Shape

from ..laws.sphere import VonMisesFisher

LARGEST = 1e4
"""Of kappa: float32 tells unit vectors apart to 1e-7, so that the density is right to 0.1 %."""


class VonMisesFisherPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x) on the unit sphere of R^n, n numbers of one direction (Davidson et al. 2018).

    One linear layer gives the mean direction, and kappa = 1 + softplus(.), as theirs, up to `LARGEST`. It stands beside
    the prior `sphere`, with a KL in closed form that knows no mean to shrink to. Raises ValueError for latents that
    are not vectors of at least two numbers.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        if len(latent_shape) != 1 or latent_shape[0] < 2:
            raise ValueError(
                f"a direction is a vector of at least 2 numbers, not of the shape {tuple(latent_shape)}"
            )
        self.in_ndim = len(in_shape)
        self.linear = nn.Linear(math.prod(in_shape), latent_shape[0] + 1)

    def forward(self, features: Tensor) -> VonMisesFisher:
        every: Tensor = self.linear(features.flatten(-self.in_ndim)).float()  # (..., n + 1)
        mu = F.normalize(every[..., :-1], dim=-1)
        kappa = 1 + F.softplus(every[..., -1]).clamp(max=LARGEST)
        return VonMisesFisher(mu, kappa)
