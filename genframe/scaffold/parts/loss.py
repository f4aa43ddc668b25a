"""A robust distance between data and reconstruction."""

from __future__ import annotations

from genframe import Positive
from torch import Tensor
from torch.distributions import Distribution


def my_loss(x: Tensor, p_x: Distribution, *, epsilon: Positive = 0.01) -> Tensor:
    """Charbonnier's distance of each x (batch, ...) from the mean of p(x): (batch,), summed over the values.

        sum_i sqrt((x_i - m_i)^2 + epsilon^2)

    Below `epsilon` it is a squared error, above it an absolute one, so that a few wrong pixels do not rule
    (Charbonnier et al. 1994). 0.01 is two or three grey levels of 256. Samples of p_x in front are averaged.
    """
    difference = x - p_x.mean  # (samples ..., batch, *event)
    distance = (difference.square() + epsilon**2).sqrt()
    summed = distance.flatten(difference.ndim - x.ndim + 1).sum(-1)  # (samples ..., batch)
    return summed.flatten(0, -2).mean(0) if summed.ndim > 1 else summed
