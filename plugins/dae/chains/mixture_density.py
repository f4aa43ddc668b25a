"""A mixture of Gaussians as p(x|x~): a denoiser's answer where several clean x are possible."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily
from torch.nn import functional as F

from genframe import Count, DiagonalGaussian, Positive, Shape


class MixtureDensity(nn.Module):
    """features (..., components (1 + 2 values)) -> a mixture of diagonal Gaussians over (..., *data_shape).

    Bishop 1994, Mixture Density Networks: for each component a logit, then for each a mean for every value, then the
    sigmas, `floor` + softplus(...). Between two parts of the data the clean x lies on one side or on the other, and one
    Gaussian over both puts the chain between them, where it meets no data and stays (a spurious mode). floor: the
    least sigma, below that of the data; without one a single example is worth any density.
    """

    def __init__(self, data_shape: Shape, *, components: Count = 5, floor: Positive = 0.01) -> None:
        super().__init__()
        self.data_shape, self.components, self.floor = tuple(data_shape), components, floor

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a vector."""
        return (self.components * (1 + 2 * math.prod(data_shape)),)

    def forward(self, features: Tensor) -> MixtureSameFamily:
        values = self.components * math.prod(self.data_shape)
        logits, mean, raw = torch.split(features.float(), [self.components, values, values], -1)
        shape = (*features.shape[:-1], self.components, *self.data_shape)
        std = self.floor + F.softplus(raw)
        parts = DiagonalGaussian(mean.reshape(shape), std.reshape(shape), event_ndim=len(self.data_shape))
        return MixtureSameFamily(Categorical(logits=logits, validate_args=False), parts, validate_args=False)
