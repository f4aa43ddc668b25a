"""Kernels, and the squared maximum mean discrepancy of two sets of draws under them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Kernel = Callable[[Tensor, Tensor, tuple[float, ...]], Tensor]


def gaussian(a: Tensor, b: Tensor, scales: tuple[float, ...]) -> Tensor:
    """sum_s exp(-|a - b|^2 / (2 s^2)): (n, m); scales in the unit of the values (Li et al. 2015, section 3)."""
    distance = squared_distances(a, b)
    return torch.stack([torch.exp(distance * (-0.5 / s**2)) for s in scales]).sum(0)


def inverse_multiquadric(a: Tensor, b: Tensor, scales: tuple[float, ...]) -> Tensor:
    """sum_s C / (C + |a - b|^2) with C = 2 d s: (n, m), d the number of values (Tolstikhin et al. 2018, section 4).

    2 d is the mean squared distance of two draws of a standard normal, so that a scale of 1 fits that prior.
    """
    distance, width = squared_distances(a, b), 2 * a.shape[1]
    return torch.stack([width * s / (width * s + distance) for s in scales]).sum(0)


def rational_quadratic(a: Tensor, b: Tensor, scales: tuple[float, ...]) -> Tensor:
    """sum_s (1 + |a - b|^2 / (2 s))^-s: (n, m) (Binkowski et al. 2018, section 3.3)."""
    distance = squared_distances(a, b)
    return torch.stack([(1 + distance / (2 * s)) ** -s for s in scales]).sum(0)


def energy(a: Tensor, b: Tensor, scales: tuple[float, ...]) -> Tensor:
    """-sum_s s |a - b|: (n, m). Under it the discrepancy is the energy distance (Szekely & Rizzo 2013).

    A root of squares, and not torch's cdist, which has no second derivative: penalties of a critic need it.
    """
    return -sum(scales) * squared_distances(a, b).clamp_min(1e-12).sqrt()


def dot(a: Tensor, b: Tensor, scales: tuple[float, ...]) -> Tensor:
    """sum_s s a . b: (n, m). Under it the discrepancy is the squared distance of the means."""
    return sum(scales) * (a @ b.T)


KERNELS: dict[str, tuple[Kernel, tuple[float, ...]]] = {
    "gaussian": (gaussian, (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)),
    "imq": (inverse_multiquadric, (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)),
    "rational-quadratic": (rational_quadratic, (0.2, 0.5, 1.0, 2.0, 5.0)),
    "energy": (energy, (1.0,)),
    "dot": (dot, (1.0,)),
}
"""By name: the kernel and the scales of its paper."""


def discrepancy(
    a: Tensor, b: Tensor, kernel: str, scales: tuple[float, ...] | None, unbiased: bool
) -> Tensor:
    """MMD^2 between the laws that a (n, d) and b (m, d) were drawn from: 0-dim (Gretton et al. 2012, eq. 3 and 5).

        mean_{i, j} k(a_i, a_j) + mean_{i, j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j)

    unbiased: i != j in the first two (a U-statistic, which may be negative); else all pairs, never negative. Raises
    ValueError for draws of different dimension, or fewer than two where it is to be unbiased.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"draws of one dimension are compared, (n, d) and (m, d), not {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if unbiased and min(len(a), len(b)) < 2:
        raise ValueError(
            f"an unbiased discrepancy needs two draws of each, not {len(a)} and {len(b)}: a larger batch"
        )
    function, own = KERNELS[kernel]
    scales = own if scales is None else scales
    within = _mean_of_pairs(function(a, a, scales), unbiased) + _mean_of_pairs(
        function(b, b, scales), unbiased
    )
    return within - 2 * function(a, b, scales).mean()


def _mean_of_pairs(kernel: Tensor, unbiased: bool) -> Tensor:
    """The mean over all pairs (n, n), or over those of two different draws."""
    count = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1)) if unbiased else kernel.mean()


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2 by one matrix product: (n, m), not below 0."""
    squares = a.square().sum(1).unsqueeze(1) + b.square().sum(1)
    return torch.addmm(squares, a, b.T, alpha=-2).clamp_min(0)


def draws_of(value: Tensor, event_ndim: int) -> Tensor:
    """(samples ..., batch, *event) as draws (n, d)."""
    return (
        value.flatten(value.ndim - event_ndim).flatten(0, -2)
        if value.ndim > event_ndim + 1
        else value.flatten(1)
    )
