"""Codes beside the factors that made the data: what every metric of disentanglement is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genframe import Problem, RecipeError


@dataclass(frozen=True)
class Codes:
    """Mean codes z (n, d) and factors (n, f) of n examples, float64 and on the CPU."""

    z: Tensor
    factors: Tensor

    def __len__(self) -> int:
        return len(self.z)

    def some(self, count: int) -> Codes:
        """`count` of the examples, drawn without replacement; all of them, in order, where there are no more."""
        if len(self) <= count:
            return self
        rows = torch.randperm(len(self))[:count]
        return Codes(self.z[rows], self.factors[rows])


def coded(encode: Callable[[Any], Tensor], data: Any, batch_size: int = 500) -> Codes:
    """The codes and factors of a split. Raises RecipeError for data without `factors`, and for codes not finite."""
    pairs = []
    for batch in data.batches(batch_size):
        if "factors" not in batch:
            fields = ", ".join(name for name in batch if name != "index")
            raise refused(
                f"the metric needs the field `factors`, and the data have {fields}: {{use: sprites}} has it"
            )
        pairs.append((encode(batch).flatten(1).double().cpu(), batch["factors"].flatten(1).double().cpu()))
    z, factors = (torch.cat(column) for column in zip(*pairs, strict=True))
    if not bool(z.isfinite().all()):
        raise refused(f"{int((~z.isfinite()).any(1).sum())} of {len(z)} codes are not finite")
    return Codes(z, factors)


def numbered(*parts: Codes) -> list[Tensor]:
    """The number of each factor's level, int64 (n, f) for each of `parts`: those of the factors that vary in the first.

    Raises RecipeError where none varies, or where one has a level for about each example.
    """
    columns: list[Tensor] = []
    first = len(parts[0])
    for column in range(parts[0].factors.shape[1]):
        together = torch.cat([part.factors[:, column] for part in parts])
        levels, numbers = torch.unique(together, return_inverse=True)
        if 2 * len(levels) > max(first, 4):
            raise refused(
                f"factor {column} takes {len(levels)} values in {first} examples, and the metric wants levels that "
                "recur: more examples, or sap with continuous: true, or angle-readout"
            )
        if int(numbers[:first].amax()) != int(numbers[:first].amin()):
            columns.append(numbers)
    if not columns:
        raise refused(f"none of the {parts[0].factors.shape[1]} factors varies in the {first} examples")
    return list(torch.split(torch.stack(columns, 1), [len(part) for part in parts]))


def alike(levels: Tensor, rows: Tensor) -> Tensor:
    """For each of `rows` (...) a random row of the same level, by `levels` (n,): drawn with replacement."""
    order, counts = levels.argsort(), levels.bincount()
    starts, own = counts.cumsum(0) - counts, levels[rows]
    return order[starts[own] + (torch.rand(rows.shape, dtype=torch.float64) * counts[own]).long()]


def seed() -> int:
    """A seed for numpy, drawn from torch's default generator, so that a metric's seed decides all."""
    return int(torch.randint(2**31 - 1, ()))


def refused(message: str) -> RecipeError:
    """The error of data or codes that can't be measured."""
    return RecipeError(Problem("GF543", message, path="evaluate"))
