"""The Gaussian likelihood."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genframe import DiagonalGaussian, Positive, Shape


class GaussianLikelihood(nn.Module):
    """means (..., *data_shape) -> DiagonalGaussian with one `sigma` for all values, fixed or `learned`.

    sigma sets the weight of a squared error against the rate; at 1 and data in [0, 1] the rate wins.
    """

    log_sigma: Tensor

    def __init__(self, data_shape: Shape, *, sigma: Positive = 1.0, learned: bool = False) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        log_sigma = torch.tensor(math.log(sigma))
        if learned:
            self.log_sigma = nn.Parameter(log_sigma)
        else:
            self.register_buffer("log_sigma", log_sigma, persistent=False)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a mean for each value."""
        return data_shape

    def forward(self, means: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(means, self.log_sigma.exp(), event_ndim=self.event_ndim)
