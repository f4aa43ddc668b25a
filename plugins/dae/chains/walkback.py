"""Walkback training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, Noise, Terms


def walkback(
    x: Tensor,
    restore: Callable[[Tensor], Distribution],
    noise: Noise,
    *,
    steps: Count = 5,
    on: Literal["every", "last"] = "every",
    move: Literal["sample", "mean"] = "sample",
) -> Terms:
    """-log p(x | x~_k) of the clean x, where x~_k is reached from x in k rounds of corrupting and restoring.

    Bengio et al. 2013, Generalized Denoising Auto-Encoders, algorithm 1, with a fixed number of steps: the chain is
    walked away from x, and what it meets on its way is taught to lead back, which removes spurious modes that
    corruption alone does not reach. restore: a wire x~ -> p(x|x~). One value an example (batch,), in nats: the mean
    over the steps, or the `last` step's. Papers take the *sum* over the steps, which is `steps` times as much and asks
    for a smaller learning rate. The gradient stops at each sample (`move: mean` lets it pass), so that it is not
    that of the value. Logs the first and the last step's.
    """
    here, losses = x, []
    for _ in range(steps):
        p_x = restore(noise.noised(here))
        losses.append(-p_x.log_prob(x))  # (batch,)
        here = p_x.sample() if move == "sample" else p_x.mean
    total = torch.stack(losses).mean(0) if on == "every" else losses[-1]
    logged = {"first": losses[0].detach().mean(), "last": losses[-1].detach().mean()}
    return Terms(total, logged, surrogate=True)
