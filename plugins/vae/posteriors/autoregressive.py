"""A posterior of inverse autoregressive flows."""

from __future__ import annotations

import math

from torch import Tensor, nn

from genframe import Count, Shape

from ..laws.autoregressive import MADE, Autoregressive
from ..laws.flow import Flow
from .gaussian import GaussianPosterior


class IAFPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x): a diagonal Gaussian and `flows` inverse autoregressive flows.

        (m, s) = MADE(z, h),        z' = sig(s) z + (1 - sig(s)) m,        log|det| = sum_i log sig(s_i)

    Kingma et al. 2016, algorithm 1: h are `context` numbers that a linear layer makes of the features; s starts near
    1.5, so that a step changes little at first; every other step has the order of the numbers reversed. The log_prob of
    its own sample costs one pass a step, that of any other value up to `size`, since numbers are then found in turn.
    """

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        flows: Count = 2,
        hidden: Count = 256,
        context: Count = 64,
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        size = math.prod(latent_shape)
        self.base = GaussianPosterior(in_shape, (size,))
        self.context = nn.Linear(math.prod(in_shape), context)
        self.nets = nn.ModuleList(
            MADE(size, hidden, context, backwards=bool(number % 2), bias=1.5) for number in range(flows)
        )

    def forward(self, features: Tensor) -> Flow:
        base = self.base(features)
        h = self.context(features.flatten(-self.in_ndim)).float()  # (..., context)
        return Flow(base, [Autoregressive(net, h) for net in self.nets], self.latent_shape)  # type: ignore[arg-type]
