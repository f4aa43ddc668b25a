"""log Z of a restricted Boltzmann machine: by enumeration of its smaller side, and by annealed importance sampling."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.nn import functional as F

if TYPE_CHECKING:
    from .rbm import RBM

ENUMERATED = 12
"""Units of a side whose states a law goes through at each step: 4,096 of them."""

UNITS = 25
"""Units whose states can be gone through at all: 33 million."""

ROWS = 4096
"""States that are gone through at once."""


def exact_log_z(machine: RBM) -> Tensor:
    """log Z, 0-dim, with gradient, from all states of the smaller side that is binary.

    Raises ValueError where that has more than 25 units.
    """
    side = enumerated_side(machine)
    units = machine.sizes[side]
    if units > UNITS:
        raise ValueError(f"2^{units} states of the smaller side are too many to sum over: anneal")
    starts = range(0, 2**units, ROWS)
    parts = [_log_weights(machine, side, start, min(ROWS, 2**units - start)).logsumexp(0) for start in starts]
    return torch.stack(parts).logsumexp(0)


def drawn_exactly(machine: RBM, n: int) -> Tensor:
    """n independent draws (n, *event): a state of the smaller side by its probability, then the other given it."""
    side = enumerated_side(machine)
    count = 2 ** machine.sizes[side]
    odds = _log_weights(machine, side, 0, count).double().softmax(0)
    which = torch.multinomial(odds, n, replacement=True)
    states = binary_states(machine.sizes[side], 0, count, machine.weight)[which]
    return machine.visible(states).sample() if side else states.reshape(n, *machine.event_shape)


def enumerated_side(machine: RBM) -> int:
    """Which side is gone through: 0 the visible units, 1 the hidden ones."""
    return int(machine.support is not constraints.boolean or machine.sizes[1] <= machine.sizes[0])


def binary_states(units: int, start: int, count: int, like: Tensor) -> Tensor:
    """The states with the numbers start, start + 1 ... of so many units: (count, units), 0 and 1."""
    numbers = torch.arange(start, start + count, device=like.device)
    return (numbers.unsqueeze(1) >> torch.arange(units, device=like.device) & 1).to(like)


def _log_weights(machine: RBM, side: int, start: int, count: int) -> Tensor:
    """log of the unnormalised probabilities of some states of a side: (count,)."""
    states = binary_states(machine.sizes[side], start, count, machine.weight)
    if side:
        return -machine.hidden_free_energy(states)
    return -machine.free_energy(states.reshape(count, *machine.event_shape))


@torch.no_grad()
def annealed_log_z(machine: RBM, base: Tensor, temperatures: int, chains: int) -> Tensor:
    """Estimates of log Z by independent chains: (chains,), float64, whose exp is unbiased.

    Salakhutdinov & Murray 2008, section 4.1: from the machine without links whose visible biases are `base`
    (the base-rate machine) along p_b(v) = exp(b slope.v) prod_j (1 + exp(b gain_j(v))), one sweep a temperature.
    """
    inverse = inverse_temperatures(temperatures)
    flat = machine._flat(machine._visible_law(base.expand(chains, -1)).sample())
    log_weight = machine._base_log_z(base).double().expand(chains).clone()
    gain = machine._gain(flat)
    for before, after in pairwise(inverse):
        raised = F.softplus(after * gain) - F.softplus(before * gain)
        log_weight += ((after - before) * machine._slope(flat, base) + raised.sum(-1)).double()
        h = torch.bernoulli(torch.sigmoid(after * gain))
        field = torch.lerp(base, machine.visible_bias, after) + after * (h @ machine.weight.T)
        flat = machine._flat(machine._visible_law(field).sample())
        gain = machine._gain(flat)
    return log_weight


def inverse_temperatures(count: int) -> list[float]:
    """0 to 1 in `count` steps, closer together where the law changes most: 1/29 of them up to 0.5, 8/29 to 0.9.

    The proportions of Salakhutdinov & Murray (2008, section 6: 500, 4,000 and 10,000).
    """
    knots = ((0.0, 0.0), (1 / 29, 0.5), (9 / 29, 0.9), (1.0, 1.0))
    return [_between(knots, step / count) for step in range(count + 1)]


def _between(knots: tuple[tuple[float, float], ...], place: float) -> float:
    for (left, low), (right, high) in pairwise(knots):
        if place <= right:
            return low + (high - low) * (place - left) / (right - left)
    return knots[-1][1]


def log_mean_exp(logs: Tensor) -> Tensor:
    """log of the mean of exp(logs), over the first dimension."""
    return logs.logsumexp(0) - math.log(len(logs))
