"""DRAGAN's gradient penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from genframe import NonNegative, Schedulable

from .slopes import Critic, steepness


def dragan(
    x: Tensor, discriminator: Critic, *, noise: Schedulable = 0.5, target: NonNegative = 1.0
) -> Tensor:
    """(|grad D| - target)^2 near each real x: (batch,) (Kodali et al. 2017).

    At x plus Gaussian noise of `noise` standard deviations of the values in the batch, as the paper has it; its
    published code draws uniform noise of half a deviation, on one side only. The paper weighs it by 10. Teaches the
    critic alone.
    """
    points = x.detach() + noise * x.detach().std() * torch.randn_like(x)
    return steepness(discriminator, points, target)
