"""The Gaussian likelihood with one sigma, or one for each value of x."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from genframe import DiagonalGaussian, Positive, Shape


class GaussianLikelihood(nn.Module):
    """means (..., *data_shape) -> DiagonalGaussian with one `sigma` for all values, fixed or `learned`.

    sigma sets the weight of a squared error against the rate; at 1 and data in [0, 1] the rate wins. A learned one
    settles at the root of the mean squared error (Rybkin, Daniilidis & Levine 2021). shared: false learns one for
    each value of x, whatever z is (`gaussian-per-value` lets the decoder say it).

    A learned sigma stays above `floor`, a grey level of 256 (0.004) unless told: a value that never changes, such as a
    picture's border, would otherwise be worth any density (Goodfellow et al. 2016, section 20.14). A floor that is
    reached decides the log-likelihood: dequantise such data, or take a likelihood of levels. Raises ValueError for a
    learned sigma that starts below its floor.
    """

    log_sigma: Tensor

    def __init__(
        self,
        data_shape: Shape,
        *,
        sigma: Positive = 1.0,
        learned: bool = False,
        shared: bool = True,
        floor: Positive = 0.004,
    ) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.floor = floor if learned else 0.0
        log_sigma = torch.full(
            () if shared else tuple(data_shape), math.log(spread("sigma", sigma, self.floor))
        )
        if learned:
            self.log_sigma = nn.Parameter(log_sigma)
        else:
            self.register_buffer("log_sigma", log_sigma, persistent=False)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a mean for each value."""
        return data_shape

    def forward(self, means: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(means, self.floor + self.log_sigma.exp(), event_ndim=self.event_ndim)


def spread(name: str, start: float, floor: float) -> float:
    """What of a scale that starts at `start` is above its floor. Raises ValueError where nothing is."""
    if start <= floor:
        raise ValueError(
            f"{name}: {start:g} is not above the floor of {floor:g}; start it higher, or lower `floor`"
        )
    return start - floor
