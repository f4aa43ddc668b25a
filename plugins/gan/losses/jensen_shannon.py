"""Roth's regulariser of the cross-entropy critic."""

from __future__ import annotations

from torch import Tensor

from genframe import Schedulable, Terms

from .slopes import Critic, slope


def jensen_shannon(x: Tensor, fake: Tensor, discriminator: Critic, *, gamma: Schedulable = 2.0) -> Terms:
    """gamma/2 [(1 - s(D(x)))^2 |grad D(x)|^2 + s(D(G))^2 |grad D(G)|^2]: 0-dim (Roth et al. 2017).

    D is the score, a logit, and s the sigmoid: noise of small variance gamma on data and fakes, to the first order, of
    the losses `nonsaturating` and `minimax`. The paper's 2 is of its code's [-1, 1], where it anneals it to 0.01 or
    less. A map of scores counts as their sum. Teaches the critic alone. Logs both parts.
    """
    (real, real_slope), (faked, fake_slope) = slope(discriminator, x), slope(discriminator, fake)
    on_real = 0.5 * gamma * ((-real).sigmoid().square() * real_slope).mean()
    on_fake = 0.5 * gamma * (faked.sigmoid().square() * fake_slope).mean()
    return Terms(on_real + on_fake, {"real": on_real.detach(), "fake": on_fake.detach()})
