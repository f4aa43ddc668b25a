"""The likelihood of a model with an unknown normaliser, by annealed importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count


def ais_log_likelihood(
    free_energy: Callable[[Tensor], Tensor],
    annealed_log_z: Callable[[Tensor, int, int], Tensor],
    data: Any,
    *,
    temperatures: Count = 10_000,
    chains: Count = 100,
    batch_size: Count = 500,
) -> dict[str, float]:
    """The mean over a split of log p(x) = -F(x) - log Z in nats, with log Z by annealing (Salakhutdinov & Murray 2008).

    free_energy: an output x -> F(x) (batch,). annealed_log_z: an output (x, temperatures, chains) -> estimates of
    log Z (chains,) whose exp is unbiased; x are the data, which give the base rates. log Z is the logarithm of the
    mean of exp. `lower` and `upper` are the likelihood where that mean is 3 of its standard errors higher and lower;
    the error by the examples is apart. The estimate of log Z is low on the average, and so the likelihood *high*:
    chains that miss a mode show nowhere, so that more temperatures are the check (quote their number).
    """
    parts = [(free_energy(batch["x"]).detach().double(), batch["x"]) for batch in data.batches(batch_size)]
    energy = torch.cat([part for part, _ in parts])
    draws = annealed_log_z(torch.cat([x for _, x in parts]), temperatures, chains).double()
    log_z, low, high = interval(draws)
    mean = -float(energy.mean())
    error = float(energy.std()) / len(energy) ** 0.5 if len(energy) > 1 else 0.0
    return {
        "ais_log_likelihood": mean - log_z,
        "ais_log_likelihood_lower": mean - high,
        "ais_log_likelihood_upper": mean - low,
        "ais_log_likelihood_standard_error": error,
        "log_z": log_z,
    }


def interval(draws: Tensor) -> tuple[float, float, float]:
    """log of the mean of exp(draws), and of that mean less and more 3 standard errors (at least 1 % of it)."""
    top = float(draws.max())
    weights = (draws - top).exp()
    mean = float(weights.mean())
    error = float(weights.std()) / len(weights) ** 0.5 if len(weights) > 1 else 0.0
    middle, low, high = (max(mean + shift * error, 0.01 * mean) for shift in (0, -3, 3))
    return top + math.log(middle), top + math.log(low), top + math.log(high)
