"""A learned mixture of Gaussians as the prior."""

from __future__ import annotations

import torch
from torch import nn

from genframe import Count, Positive, Shape

from ..laws.mixture import GaussianMixture


class MixturePrior(nn.Module):
    """p(z) over vectors of `dim`: `components` diagonal Gaussians with means, stds and weights that are learned.

    Means start as draws of N(0, spread^2), stds at 1, weights equal. The evidence lower bound samples its rate.
    """

    def __init__(self, *, dim: Count, components: Count = 10, spread: Positive = 1.0) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.means = nn.Parameter(spread * torch.randn(components, dim))
        self.log_stds = nn.Parameter(torch.zeros(components, dim))
        self.logits = nn.Parameter(torch.zeros(components))

    def forward(self) -> GaussianMixture:
        return GaussianMixture(self.means, self.log_stds.exp(), self.logits)
