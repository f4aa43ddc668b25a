"""Zero-centred gradient penalties at the data and at the fakes."""

from __future__ import annotations

from torch import Tensor

from genframe import Schedulable

from .slopes import Critic, slope


def r1(x: Tensor, discriminator: Critic, *, gamma: Schedulable = 10.0) -> Tensor:
    """gamma/2 |grad_x D(x)|^2 of each real x: (batch,) (Mescheder et al. 2018, eq. 9).

    A map of scores counts as their sum. The norm is that of each example: a critic that normalises over the
    batch would mix them. gamma 10 is the paper's for pictures; its published code leaves out the 1/2, so that its 10 is
    20 here.
    """
    return 0.5 * gamma * slope(discriminator, x)[1]


def r2(fake: Tensor, discriminator: Critic, *, gamma: Schedulable = 10.0) -> Tensor:
    """gamma/2 |grad D|^2 at each fake: (batch,) (Mescheder et al. 2018, eq. 10).

    With `r1` of one gamma it keeps a relativistic critic's game stable (Huang et al. 2024). Teaches the
    critic alone: a generator learns nothing from where the critic is steep.
    """
    return 0.5 * gamma * slope(discriminator, fake)[1]
