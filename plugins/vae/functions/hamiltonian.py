"""Hamiltonian Monte Carlo for many chains at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Target = Callable[[Tensor], tuple[Tensor, Tensor]]
"""z (chains, batch, *event) -> log density (chains, batch), not normalised, and its gradient, the shape of z."""


def step(target: Target, z: Tensor, size: Tensor, leapfrogs: int) -> tuple[Tensor, Tensor]:
    """One transition that leaves the target as it is: the next z, and the probability that it was accepted.

    Neal 2011, figure 2, with unit masses: momenta p ~ N(0, I), `leapfrogs` leaps of `size` (batch,), and a Metropolis
    test of the change in H = -log density + |p|^2/2. A leap into what is not finite is refused. Gives tensors (chains,
    batch, *event) and (chains, batch).
    """
    momentum = torch.randn_like(z)
    moved, turned, start, end = leap(target, z, momentum, size, leapfrogs)
    before, after = energy(start, momentum), energy(end, turned)
    chance = (before - after).clamp(max=0).exp().nan_to_num(0.0)  # (chains, batch)
    taken = torch.rand_like(chance) < chance
    return torch.where(_wide(taken, z), moved, z), chance


def leap(
    target: Target, z: Tensor, momentum: Tensor, size: Tensor, leapfrogs: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """z and momentum after some leaps, and the log density at the start and at the end.

    It keeps volumes, and is its own inverse when the momentum is turned round.
    """
    size = _wide(size, z[0])  # (batch, 1 ...), the same for all chains
    start, slope = target(z)
    end = start
    momentum = momentum + 0.5 * size * slope
    for number in range(leapfrogs):
        z = z + size * momentum
        end, slope = target(z)
        momentum = momentum + (0.5 if number == leapfrogs - 1 else 1.0) * size * slope
    return z, momentum, start, end


def energy(log_density: Tensor, momentum: Tensor) -> Tensor:
    """H of each chain: (chains, batch)."""
    return 0.5 * momentum.flatten(2).square().sum(2) - log_density


def _wide(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(*values.shape, *[1] * (like.ndim - values.ndim))
