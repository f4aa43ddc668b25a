"""How a Markov chain mixes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from ..dae.chains.walk import starts, walk

LABELLED = 5_000
"""Examples that the classes' means are taken of, at most."""


def chain_mixing(
    transition: Callable[[Any], Any],
    data: Any,
    *,
    steps: Count = 500,
    chains: Count = 10,
) -> dict[str, float]:
    """How far a chain's draws depend on those before: `chains` of `steps` steps each, from examples of the split.

    The integrated autocorrelation time tau = 1 + 2 sum_t rho_t, in steps: n draws are worth n / tau independent ones.
    autocorrelation_time: of the projection of x on the data's first principal direction; autocorrelation_time_values:
    the median over the values of x that move. effective_sample_size: of all draws, by the first. mode_switches: how
    often in 100 steps the class of the nearest class mean changes (of data without labels y: the nearest of ten
    examples). transition: an output as for the sampler `chain`. The first steps are counted too, so that a chain
    that has left the data for good shows by its length.
    """
    state, _ = starts(data, min(chains, len(data)), "data")
    drawn = torch.stack([x for _, x in islice(walk(transition, state), steps)]).flatten(2).double()
    first = data.first(LABELLED)
    points = first["x"].flatten(1).double()
    summary = (drawn - points.mean(0)) @ _principal(points)  # (steps, chains)
    time = float(autocorrelation_time(summary))
    moving = drawn.flatten(0, 1).std(0) > 1e-6
    values = (
        autocorrelation_time(drawn[..., moving]) if bool(moving.any()) else torch.full((1,), float(steps))
    )
    nearest = (
        torch.cdist(drawn.flatten(0, 1), _centres(points, first.get("y"))).argmin(1).view(drawn.shape[:2])
    )
    switches = (nearest[1:] != nearest[:-1]).double().mean() if steps > 1 else torch.zeros(())
    return {
        "autocorrelation_time": time,
        "autocorrelation_time_values": float(values.median()),
        "effective_sample_size": summary.numel() / time,
        "mode_switches": 100 * float(switches),
    }


def autocorrelation_time(series: Tensor) -> Tensor:
    """tau = 1 + 2 sum_t rho_t of series (steps, chains, ...): (...), the autocovariance averaged over the chains.

    The sum ends where the sum of two neighbouring rho first falls below 0 (Geyer 1992, the initial positive sequence).
    At least 1 / steps, at most the number of steps, which it is too where nothing moves.
    """
    steps = len(series)
    centred = (series - series.mean((0, 1))).double()
    spectrum = torch.fft.rfft(centred, 2 * steps, dim=0)
    covariance = torch.fft.irfft(spectrum.abs().square(), 2 * steps, dim=0)[:steps].mean(1) / steps
    rho = covariance / covariance[:1].clamp_min(1e-300)
    if steps % 2:
        rho = rho[:-1]
    pairs = rho.unflatten(0, (-1, 2)).sum(1) if steps > 1 else torch.ones_like(covariance)
    positive = (pairs > 0).double().cumprod(0)
    time = 2 * (pairs * positive).sum(0) - 1
    still = covariance[0] <= 0
    return torch.where(still, float(steps), time).clamp(1 / steps, steps)


def _principal(points: Tensor) -> Tensor:
    """The direction in which points (n, values) vary most: (values,), by power iteration from their spread."""
    centred = points - points.mean(0)
    direction = centred.std(0, correction=0) + 1e-12
    for _ in range(50):
        direction = centred.T @ (centred @ direction)
        direction = direction / direction.norm().clamp_min(1e-12)
    return direction


def _centres(points: Tensor, labels: Tensor | None) -> Tensor:
    """The mean of each class that occurs: (classes, values); without labels ten of the points."""
    if labels is None:
        return points[:10]
    return torch.stack([points[labels == label].mean(0) for label in set(labels.tolist())])
