"""No posterior at all: the code is what the encoder says."""

from __future__ import annotations

import math

from torch import Tensor, nn

from genframe import Shape

from ..laws.point import PointMass


class DeterministicPosterior(nn.Module):
    """features (..., *in_shape) -> a point mass on the code (..., *latent_shape), of one linear layer.

    For plain, Wasserstein and regularised autoencoders. A point mass has no density, so that losses which ask for a
    rate, the ELBO among them, are refused when the recipe is checked.
    """

    def __init__(self, in_shape: Shape, latent_shape: Shape) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), math.prod(latent_shape))

    def forward(self, features: Tensor) -> PointMass:
        code = self.linear(features.flatten(-self.in_ndim)).float()
        return PointMass(code.unflatten(-1, self.latent_shape), event_ndim=len(self.latent_shape))
