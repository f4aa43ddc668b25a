"""log p(x) of a decoder by annealed importance sampling, and how far off that is on data of the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from .bounds import figures, interval
from .likelihood import VALUES, first


def annealed_log_likelihood(
    annealed_weights: Callable[[Any, int, int], tuple[Tensor, Tensor]],
    data: Any,
    *,
    temperatures: Count = 1000,
    chains: Count = 16,
    count: Count = 100,
    rows: Count = 2000,
) -> dict[str, float]:
    """The mean over the first `count` examples of log mean_c w_c, in nats: nearer to log p(x) than importance sampling.

    Wu et al. 2017: 16 chains from p(z) to p(z|x), as the output (x, temperatures, chains) -> log w (chains, batch) and
    the share of accepted moves (batch,) has them. A lower bound in expectation: quote the temperatures (theirs are 500
    to 10,000), and `annealed-gap` at the same number. `annealed_effective_chains` of `chains`, (sum w)^2 / sum w^2,
    says whether one chain carries the figure; the accepted share should be near 0.65. With a 95 % bootstrap interval
    over the examples; bits per dimension, and where there is no likelihood: as for `elbo`. For a Boltzmann machine:
    `ais-log-likelihood`. At most `rows` chains move at once.
    """
    size = max(min(rows, VALUES // data.first(1)["x"].numel()) // chains, 1)
    pairs = [annealed_weights(batch, temperatures, chains) for batch in first(data, count, size)]
    log_w = torch.cat([part.double() for part, _ in pairs], 1)  # (chains, examples)
    found = figures("annealed_log_likelihood", _log_mean(log_w), data)
    name = next(iter(found))
    found[f"{name}_lower"], found[f"{name}_upper"] = interval(_log_mean(log_w))
    effective = (2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0)).exp()
    found["annealed_effective_chains"] = float(effective.mean())
    found["annealed_acceptance"] = float(torch.cat([accepted for _, accepted in pairs]).double().mean())
    return found


def annealed_gap(
    annealed_bounds: Callable[[Any, int, int], tuple[Tensor, Tensor]],
    data: Any,
    *,
    temperatures: Count = 1000,
    chains: Count = 16,
    count: Count = 100,
    rows: Count = 2000,
) -> dict[str, float]:
    """The mean gap in nats between annealing's upper and lower bound of log p(x), over `count` x that the model draws.

    Wu et al. 2017, section 4, after Grosse et al. 2015. annealed_bounds: an output (x, temperatures, chains) -> log w
    of chains forwards and of chains backwards from exact samples of p(z|x'), each (chains, batch), for an x' of the
    model in the place of each x; the lower bound is log mean w, the upper -log mean w'. Under 1 nat the figures of
    `annealed-log-likelihood` are taken for exact, as far as the data are like the model's draws. The gap is never
    negative in expectation; of a few chains it may be.
    """
    size = max(min(rows, VALUES // data.first(1)["x"].numel()) // chains, 1)
    pairs = [annealed_bounds(batch, temperatures, chains) for batch in first(data, count, size)]
    forward, backward = (torch.cat(column, 1).double() for column in zip(*pairs, strict=True))
    lower, upper = _log_mean(forward), -_log_mean(backward)
    gap = upper - lower
    return {
        "annealed_gap": float(gap.mean()),
        "annealed_gap_standard_error": float(gap.std()) / len(gap) ** 0.5 if len(gap) > 1 else math.nan,
        "annealed_lower": float(lower.mean()),
        "annealed_upper": float(upper.mean()),
    }


def _log_mean(log_w: Tensor) -> Tensor:
    """log of the mean over chains of w: (examples,)."""
    return log_w.logsumexp(0) - math.log(len(log_w))
