"""The FactorVAE score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, NonNegative

from .ground_truth import alike, coded, numbered


def factor_vae_score(
    encode: Callable[[Any], Tensor],
    data: Any,
    train_data: Any,
    *,
    threshold: NonNegative = 0.05,
    group: Count = 64,
    count: Count = 10_000,
    held_out: Count = 5_000,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How often the latent that varies least in a group tells which factor the group has in common.

    Kim and Mnih 2018 (Disentangling by Factorising), section 4. Of each of `count` groups of `group` training
    examples, alike in one factor, each factor in turn, the latent j with the least Var_j / global Var_j votes for
    that factor; a latent stands for the factor with most of its votes, and the score is the share of `held_out`
    groups of the split whose latent stands for theirs. By chance it is 1 over the factors. Latents whose deviation
    over the training data is below `threshold` are left out, as in the paper; where that leaves none the score is
    0.

    A group's level is that of a random example, and its examples are drawn with replacement. Factors that do not vary
    are left out. `factor_vae_active_units` are the latents that are not left out.

    encode: an output x -> mean codes (batch, ...). The data give `factors` (batch, f), discrete levels.
    """
    train, test = coded(encode, train_data, batch_size), coded(encode, data, batch_size)
    levels, held = numbered(train, test)
    spread = train.z.var(0)
    active = spread.sqrt() >= max(threshold, 1e-12)
    units = int(active.sum())
    if units == 0:
        return {"factor_vae_score": 0.0, "factor_vae_active_units": 0.0}
    factors = levels.shape[1]

    def votes(z: Tensor, levels: Tensor, n: int) -> Tensor:
        found = _votes(z[:, active] / spread[active].sqrt(), levels, n, group)
        return found[0] * factors + found[1]

    ballot = votes(train.z, levels, count).bincount(minlength=units * factors).reshape(units, factors)
    cast = votes(test.z, held, held_out).bincount(minlength=units * factors).reshape(units, factors)
    right = cast.gather(1, ballot.argmax(1, keepdim=True)).sum()
    return {"factor_vae_score": float(right) / held_out, "factor_vae_active_units": float(units)}


def _votes(z: Tensor, levels: Tensor, n: int, group: int) -> tuple[Tensor, Tensor]:
    """Of `n` groups the latent that varies least, and the factor that is alike: both int64 (n,)."""
    which = torch.arange(n) % levels.shape[1]
    least = torch.empty(n, dtype=torch.int64)
    for factor in range(levels.shape[1]):
        chosen = which == factor
        first = torch.randint(len(z), (int(chosen.sum()), 1)).expand(-1, group)
        least[chosen] = z[alike(levels[:, factor], first)].var(1, correction=0).argmin(1)  # (groups, d)
    return least, which
