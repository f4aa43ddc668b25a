"""The zero-centred gradient penalty at real data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from genframe import Schedulable, Verdict


def r1(x: Tensor, discriminator: Callable[[Tensor], Verdict], *, gamma: Schedulable = 10.0) -> Tensor:
    """gamma/2 |grad_x D(x)|^2 of each real x: (batch,) (Mescheder et al. 2018, eq. 9).

    A map of scores counts as their sum. The norm is that of each example: a critic that normalises over the
    batch would mix them. gamma 10 is the paper's for pictures; its published code leaves out the 1/2.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        score = discriminator(x).score
        (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return 0.5 * gamma * gradient.flatten(1).square().sum(1)
