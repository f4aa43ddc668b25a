"""The squared error of a reconstruction."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution


def squared_error(x: Tensor, p_x: Distribution) -> Tensor:
    """|x - mean of p(x|z)|^2 summed over the values of each x (batch, ...), samples averaged: (batch,)."""
    difference = x - p_x.mean  # (samples ..., batch, *event)
    summed = difference.square().flatten(difference.ndim - x.ndim + 1).sum(-1)
    return summed.flatten(0, -2).mean(0) if summed.ndim > 1 else summed
