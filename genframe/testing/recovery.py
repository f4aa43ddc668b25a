"""Recovering a noise's level from what the noise did: simple figures of the change, and a regression on them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from genframe.testing.toys import Case

LEVELS = 16
"""So many shares of a level, from none to all of it, are recovered."""

_TRAINING, _TEST = 4, 2  # groups of rows at each level
_KNOTS = 4

Apply = Callable[[Tensor, int], Tensor]
"""(share of the full level of each row (rows,), seed) -> the figures of the change of each row (rows, figures)."""


def pictures(case: Case, rows: int, seed: int = 0) -> Tensor:
    """Smooth pictures (rows, channels, height, width) in [0.1, 0.9], with detail at several scales.

    A turn or a blur changes them the more, the stronger it is; pixels that are drawn one by one it wipes out at once.
    """
    channels, height, width = case.data_shape
    generator = torch.Generator().manual_seed(seed)
    down = torch.arange(height).reshape(-1, 1) / height
    across = torch.arange(width).reshape(1, -1) / width
    x = torch.zeros(rows, channels, height, width)
    for frequency in (1, 2, 3, 5, 8):
        angle = 2 * math.pi * torch.rand(rows, channels, 1, 1, generator=generator)
        phase = 2 * math.pi * torch.rand(rows, channels, 1, 1, generator=generator)
        wave = 2 * math.pi * frequency * (angle.cos() * down + angle.sin() * across)
        x += torch.cos(wave + phase) / frequency
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return 0.1 + 0.8 * (x - low) / (high - low)


def figures(x: Tensor, noised: Tensor) -> Tensor:
    """How much each row changed (rows, figures): root mean square, mean size and mean of the change, the share of
    values that changed, the largest change, and how rough the result is.
    """
    before, after = (t.detach().double().reshape(len(t), -1) for t in (x, noised))
    change = after - before
    rough = after.diff(dim=1).square().sum(1) if after.shape[1] > 1 else after[:, 0]
    columns = (
        change.square().mean(1).sqrt(),
        change.abs().mean(1),
        change.mean(1),
        (change.abs() > 1e-6).double().mean(1),
        change.abs().amax(1),
        rough / after.shape[1],
    )
    return torch.stack(columns, 1)


def recovered(apply: Apply, rows: int) -> float:
    """R² of a regression that tells the share of the level from the figures of the change, on fresh draws.

    Near 1 where the level decides how much changes; near 0, or below, where it does not. Each of the regression's
    points is a mean over `rows` rows at the same level.
    """
    grid = torch.linspace(0, 1, LEVELS, dtype=torch.double)
    (train, told), (test, asked) = (
        _points(apply, grid, groups, rows, seed) for groups, seed in ((_TRAINING, 1), (_TEST, 2))
    )
    if not (train.isfinite().all() and test.isfinite().all()):
        return -math.inf
    basis = _Basis(train)
    design = basis(train)
    penalty = 1e-3 * torch.eye(design.shape[1], dtype=torch.double)
    weights = torch.linalg.solve(design.T @ design + penalty, design.T @ told)
    wrong = (basis(test) @ weights - asked).square().mean()
    return float(1 - wrong / asked.var(correction=0))


def _points(apply: Apply, grid: Tensor, groups: int, rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Mean figures (points, figures), and the share that each was made at (points,)."""
    shares = grid.repeat(groups)  # (points,)
    made = apply(shares.repeat_interleave(rows).float(), seed)
    return made.reshape(len(shares), rows, -1).mean(1), shares


class _Basis:
    """A constant, each figure, and its hinges at some quantiles: a continuous piecewise linear regression."""

    def __init__(self, points: Tensor) -> None:
        self.mean, self.std = points.mean(0), points.std(0) + 1e-9
        places = torch.linspace(0, 1, _KNOTS + 2, dtype=torch.double)[1:-1]
        self.knots = self._standard(points).quantile(places, dim=0)  # (knots, figures)

    def __call__(self, points: Tensor) -> Tensor:
        standard = self._standard(points)
        hinges = [(standard - knot).clamp(min=0) for knot in self.knots]
        return torch.cat([torch.ones_like(standard[:, :1]), standard, *hinges], 1)

    def _standard(self, points: Tensor) -> Tensor:
        return (points - self.mean) / self.std


def uniform_distance(values: Tensor, low: float, high: float) -> float:
    """Kolmogorov's distance between values and the uniform law on [low, high]."""
    share = ((values.double().sort().values - low) / (high - low)).clamp(0, 1)
    n = len(share)
    above = torch.arange(1, n + 1) / n - share
    below = share - torch.arange(n) / n
    return float(torch.maximum(above, below).max())


def largest_distance(n: int, alpha: float) -> float:
    """The distance that n values of the law exceed with a chance below alpha (Massart 1990)."""
    return math.sqrt(math.log(2 / alpha) / (2 * n))
