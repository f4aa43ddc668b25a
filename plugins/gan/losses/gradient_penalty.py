"""The gradient penalty of the Wasserstein critic."""

from __future__ import annotations

import torch
from torch import Tensor

from genframe import NonNegative, per_example

from .slopes import Critic, steepness


def gradient_penalty(
    x: Tensor, fake: Tensor, discriminator: Critic, *, target: NonNegative = 1.0, one_sided: bool = False
) -> Tensor:
    """(|grad D| - target)^2 at a point between each x and a fake: (batch,) (Gulrajani et al. 2017, eq. 3).

    The point is e x + (1 - e) G with a number e of each pair's own, uniform on [0, 1]; the norm is that of each point.
    The paper weighs it by 10. one_sided: slopes below the target cost nothing (its section 4). target 0: a critic that
    is flat between data and fakes (Thanh-Tung et al. 2019). Teaches the critic alone. Raises ValueError where x and
    fake have two shapes.
    """
    if x.shape != fake.shape:
        raise ValueError(
            f"gradient-penalty takes points between each x and one fake, of one shape, not {tuple(x.shape)} and "
            f"{tuple(fake.shape)}"
        )
    share = per_example(torch.rand(len(x), device=x.device), x)  # (batch, 1, ...)
    return steepness(discriminator, fake.detach().lerp(x.detach(), share), target, one_sided)
