"""A discriminator of maxout units."""

from __future__ import annotations

import math

from genframe import Count, Shape, Verdict
from torch import Tensor, nn


class MyDiscriminator(nn.Module):
    """x (batch, *in_shape) -> score (batch,), a logit that is high for real; features (batch, units).

    One layer of maxout units, each the largest of `pieces` linear functions (Goodfellow et al. 2013), as the first
    discriminator had them. Nothing is normalised over the batch, so that each example is judged on its own.
    """

    def __init__(self, in_shape: Shape, *, units: Count = 64, pieces: Count = 4) -> None:
        super().__init__()
        self.shape = (units, pieces)
        self.linear = nn.Linear(math.prod(in_shape), units * pieces)
        self.last = nn.Linear(units, 1)

    def forward(self, x: Tensor) -> Verdict:
        features = self.linear(x.flatten(1)).unflatten(1, self.shape).amax(2)  # (batch, units)
        return Verdict(self.last(features).squeeze(1), features)
