"""The Gaussian prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genframe import Count, DiagonalGaussian, Shape


class GaussianPrior(nn.Module):
    """p(z) over vectors of `dim`: standard, or with a `learned` mean and std for each dimension."""

    mean: Tensor
    std: Tensor
    log_std: Tensor

    def __init__(self, *, dim: Count, learned: bool = False) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.learned = learned
        if learned:
            self.mean = nn.Parameter(torch.zeros(dim))
            self.log_std = nn.Parameter(torch.zeros(dim))
        else:
            self.register_buffer("mean", torch.zeros(dim), persistent=False)
            self.register_buffer("std", torch.ones(dim), persistent=False)

    def forward(self) -> DiagonalGaussian:
        if self.learned:
            return DiagonalGaussian(self.mean, self.log_std.exp())
        return DiagonalGaussian(self.mean, self.std, standard=True)
