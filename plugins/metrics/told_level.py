"""How well a critic says how much noise it sees, beside what needs no understanding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Levels, Positive

from .trick import explained, statistics


def told_level(
    corruption: Callable[[Tensor], tuple[Tensor, Levels]],
    say_level: Callable[[Tensor], Tensor],
    sample: Callable[[int], Tensor],
    data: Any,
    *,
    column: str | None = None,
    circular: bool = False,
    count: Count = 1000,
    ridge: Positive = 1e-3,
    batch_size: Count = 500,
) -> dict[str, float]:
    """R^2 of what a net says of the noise, on noised data and on noised samples, and R^2 of the trick probe for both.

    `told` and `told_of_samples` are the net's: 1 is all of it, 0 as good as the mean, below 0 worse. `trick` and
    `trick_of_samples` are those of a ridge regression on mean, variance and local differences, fitted to half of the
    same noised pictures and measured on the others. A net no better than that need not look at what a picture shows;
    one that reads noise on data and not on samples sees that samples are of another kind.

    corruption: an output x -> (noised x, levels); say_level: noised x -> the level, (batch,) or (batch, d).
    column: of the levels, the one that is asked for; else the first. circular: the level is an angle in degrees, and
    what is told its cosine and sine; then R^2 is the mean of both. Of each sort `count` are taken. Raises ValueError
    for a column that the noise has not, and where `say_level` gives another number of values than are asked for.
    """
    figures: dict[str, float] = {}
    for name, pictures in (
        ("", _of_data(data, count, batch_size)),
        ("_of_samples", _of(sample, count, batch_size)),
    ):
        noised, asked, told = _asked(pictures, corruption, say_level, column, circular)
        figures[f"told{name}"] = _r2(told, asked)
        table = statistics(noised)
        tricks = [explained(table, target, ridge) for target in asked.unbind(1)]
        figures[f"trick{name}"] = sum(tricks) / len(tricks)
    return figures


def _of_data(data: Any, count: int, batch_size: int) -> Iterator[Tensor]:
    for batch in data.batches(batch_size):
        if count > 0:
            yield batch["x"][:count]
            count -= len(batch["x"])


def _of(sample: Callable[[int], Tensor], count: int, batch_size: int) -> Iterator[Tensor]:
    for done in range(0, count, batch_size):
        yield sample(min(batch_size, count - done))


def _asked(
    pictures: Iterator[Tensor],
    corruption: Callable[[Tensor], tuple[Tensor, Levels]],
    say_level: Callable[[Tensor], Tensor],
    column: str | None,
    circular: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Noised pictures, the levels that they have and those that were told, (n, d) both."""
    noised, asked, told = [], [], []
    for x in pictures:
        changed, levels = corruption(x)
        if column is not None and column not in levels.names:
            raise ValueError(f"this noise has the levels {', '.join(levels.names)}, and no column {column!r}")
        level = getattr(levels, column or levels.names[0]).double()
        target = (
            torch.stack([level.deg2rad().cos(), level.deg2rad().sin()], 1) if circular else level.unsqueeze(1)
        )
        said = say_level(changed).double().reshape(len(x), -1)
        if said.shape != target.shape:
            came, due = said.shape[1], target.shape[1]
            raise ValueError(f"say_level gives {came} numbers of each example, where {due} are asked for")
        noised.append(changed.double())
        asked.append(target)
        told.append(said)
    return torch.cat(noised), torch.cat(asked), torch.cat(told)


def _r2(told: Tensor, asked: Tensor) -> float:
    """The mean over columns; one that does not vary counts as 0."""
    spread = (asked - asked.mean(0)).square().sum(0)
    left = (told - asked).square().sum(0)
    return float(torch.where(spread > 1e-12, 1 - left / spread.clamp_min(1e-12), 0.0).mean())
