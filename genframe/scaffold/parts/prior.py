"""A prior with heavy tails."""

from __future__ import annotations

import torch
from genframe import Count, Shape
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Laplace


class MyPrior(nn.Module):
    """p(z) over vectors of `dim`: independent Laplace variables of location 0 and scale 1, or `learned` ones.

    Its density has a ridge where a coordinate is 0, so that codes become sparse. torch knows no closed KL from a
    Gaussian posterior to it; the evidence lower bound then takes the sample's.
    """

    loc: Tensor
    log_scale: Tensor

    def __init__(self, *, dim: Count = 8, learned: bool = False) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        for name in ("loc", "log_scale"):
            if learned:
                self.register_parameter(name, nn.Parameter(torch.zeros(dim)))
            else:
                self.register_buffer(name, torch.zeros(dim), persistent=False)

    def forward(self) -> Distribution:
        laplace = Laplace(self.loc, self.log_scale.exp(), validate_args=False)
        return Independent(laplace, 1, validate_args=False)
