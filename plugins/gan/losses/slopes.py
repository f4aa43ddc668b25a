"""How steep a critic is at each of some points: what gradient penalties are made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genframe import Verdict

Critic = Callable[[Tensor], Verdict]
"""A discriminator, or a wire of one argument that gives a verdict: a conditional critic with its condition."""


def slope(critic: Critic, points: Tensor) -> tuple[Tensor, Tensor]:
    """The scores at points (batch, ...) and the squared norms of their gradients there: (batch,) each.

    A map of scores counts as its sum. The norm is that of each point, so a critic that normalises over the batch would
    mix them: the engine refuses it. Teaches the critic alone, not where the points came from; works where gradients are
    off. Raises ValueError where the score does not depend on the points.
    """
    teaches = torch.is_grad_enabled()
    points = points.detach().requires_grad_()
    with torch.enable_grad():
        score = critic(points).score
        if not score.requires_grad:
            raise ValueError(_FLAT)
        (gradient,) = torch.autograd.grad(score.sum(), points, create_graph=teaches, allow_unused=True)
    if gradient is None:
        raise ValueError(_FLAT)
    return score.flatten(1).sum(1) if score.ndim > 1 else score, gradient.flatten(1).square().sum(1)


_FLAT = "the critic's score does not depend on the points that it is given: has the wire its argument in it?"


def steepness(critic: Critic, points: Tensor, target: float, one_sided: bool = False) -> Tensor:
    """(|grad D| - target)^2 at each point: (batch,); one-sided, where the norm is above the target alone.

    1e-12 under the root, whose derivative at 0 is infinite.
    """
    excess = (slope(critic, points)[1] + 1e-12).sqrt() - target
    return excess.clamp_min(0).square() if one_sided else excess.square()
