"""The Laplace likelihood."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace

from genframe import Positive, Shape

from .gaussian import spread


class LaplaceLikelihood(nn.Module):
    """medians (..., *data_shape) -> independent Laplace variables with one `scale` for all values, fixed or `learned`.

    log p = -sum |x - median| / scale - D log(2 scale): the absolute error with its weight, less drawn to outliers than
    a Gaussian. A learned scale is greater than `floor`; see the Gaussian likelihood for why.
    """

    log_scale: Tensor

    def __init__(
        self, data_shape: Shape, *, scale: Positive = 1.0, learned: bool = False, floor: Positive = 0.004
    ) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.floor = floor if learned else 0.0
        log_scale = torch.tensor(math.log(spread("scale", scale, self.floor)))
        if learned:
            self.log_scale = nn.Parameter(log_scale)
        else:
            self.register_buffer("log_scale", log_scale, persistent=False)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a median for each value."""
        return data_shape

    def forward(self, medians: Tensor) -> Distribution:
        medians = medians.float()
        scale = self.floor + self.log_scale.exp()
        return Independent(
            Laplace(medians, scale.expand_as(medians), validate_args=False),
            self.event_ndim,
            validate_args=False,
        )
