"""Whether a task of predicting the noise can be cheated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Levels, Positive


def trick_probe(
    corruption: Callable[[Tensor], tuple[Tensor, Levels]],
    data: Any,
    *,
    count: Count = 2000,
    ridge: Positive = 1e-3,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How well mean, variance and local differences of a noised picture alone predict its level: R^2 on held-out ones.

    Near 1, a net can tell the level without looking at what the picture shows: predicting it teaches nothing else.
    Near 0 it takes structure. Figures are `trick_LEVEL` from all statistics, and `trick_LEVEL_mean`,
    `trick_LEVEL_variance` and `trick_LEVEL_differences` from one sort. Ridge regression on the statistics, their roots
    and products, fitted to every other example of the first `count` and measured on the rest; 0 where the level does
    not vary (a noise with a fixed level asks nothing) and where the fit is worse than the mean.

    corruption: an output x -> (noised x, levels).
    """
    noised, table, names = _noised(corruption, data, count, batch_size)
    sorts = by_sort(noised)
    sorts = {"": statistics(noised), **{f"_{name}": s for name, s in sorts.items()}}
    figures: dict[str, float] = {}
    for column, name in enumerate(names):
        for sort, numbers in sorts.items():
            figures[f"trick_{name}{sort}"] = explained(numbers, table[:, column], ridge)
    return figures


def _noised(
    corruption: Callable[[Tensor], tuple[Tensor, Levels]], data: Any, count: int, batch_size: int
) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Noised examples, their levels (n, columns), the columns' names."""
    pairs = []
    for batch in data.batches(batch_size):
        if count > 0:
            pairs.append(corruption(batch["x"][:count]))
            count -= len(batch["x"])
    noised = torch.cat([x for x, _ in pairs]).double()
    table = torch.cat([levels.table.reshape(len(x), -1) for x, levels in pairs]).double()
    return noised, table, pairs[0][1].names


def statistics(x: Tensor) -> Tensor:
    """All of these numbers of each example: (n, 6) of pictures, (n, 4) of vectors."""
    return torch.cat([*by_sort(x).values()], 1)


def by_sort(x: Tensor) -> dict[str, Tensor]:
    """Numbers of each example that need no look at what it shows: (n, 1 or more), by sort."""
    flat = x.flatten(1)
    axes = (2, 3) if x.ndim == 4 else (1,)
    steps = [x.diff(dim=axis).flatten(1) for axis in axes if x.shape[axis] > 1] or [torch.zeros_like(flat)]
    return {
        "mean": flat.mean(1, keepdim=True),
        "variance": flat.var(1, correction=0, keepdim=True),
        "differences": torch.stack(
            [value for step in steps for value in (step.abs().mean(1), step.square().mean(1))], 1
        ),
    }


def _widened(statistics: Tensor) -> Tensor:
    """The statistics and their roots (of either sign), all of these times each other, standardised."""
    base = torch.cat([statistics, statistics.sign() * statistics.abs().sqrt()], 1)
    base = _standardised(base)
    first, second = torch.triu_indices(base.shape[1], base.shape[1])
    return _standardised(torch.cat([base, base[:, first] * base[:, second]], 1))


def _standardised(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / x.std(0, correction=0).clamp_min(1e-12)


def explained(numbers: Tensor, level: Tensor, ridge: float) -> float:
    """R^2 of a ridge regression of level (n,) on the widened numbers: fitted to the even rows, of the odd ones."""
    features = _widened(numbers)
    (x, y), (held_x, held_y) = (features[0::2], level[0::2]), (features[1::2], level[1::2])
    spread = float((held_y - held_y.mean()).square().sum())
    if spread <= 1e-12 * len(held_y) * (1 + float(level.abs().max())) ** 2:
        return 0.0
    centre, middle = x.mean(0), y.mean()
    inner = (x - centre).T @ (x - centre)
    inner += ridge * len(x) * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    weight = torch.linalg.solve(inner, (x - centre).T @ (y - middle))
    left = float((held_y - middle - (held_x - centre) @ weight).square().sum())
    return max(1 - left / spread, 0.0)
