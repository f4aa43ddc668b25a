"""The Laplace prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genframe import Count, Shape

from ..laws.laplace import DiagonalLaplace


class LaplacePrior(nn.Module):
    """p(z) over vectors of `dim`: independent Laplace variables of location 0 and scale 1, or `learned` ones.

    Its ridges lie along the axes, so that no rotation of the latents leaves it as it is, as one does a Gaussian.
    """

    loc: Tensor
    log_scale: Tensor

    def __init__(self, *, dim: Count, learned: bool = False) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        for name in ("loc", "log_scale"):
            if learned:
                self.register_parameter(name, nn.Parameter(torch.zeros(dim)))
            else:
                self.register_buffer(name, torch.zeros(dim), persistent=False)

    def forward(self) -> DiagonalLaplace:
        return DiagonalLaplace(self.loc, self.log_scale.exp())
