"""The prior of independent bits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genframe import Bernoulli, Count, Shape


class BernoulliPrior(nn.Module):
    """p(z) over vectors of `dim` zeros and ones: each 1 with a chance of one half, or a `learned` chance each.

    Its KL to a posterior of independent bits is exact. Learned logits start at 0: the top layer of a sigmoid belief
    network (Neal 1992).
    """

    logits: Tensor

    def __init__(self, *, dim: Count, learned: bool = False) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        if learned:
            self.logits = nn.Parameter(torch.zeros(dim))
        else:
            self.register_buffer("logits", torch.zeros(dim), persistent=False)

    def forward(self) -> Bernoulli:
        return Bernoulli(self.logits)
