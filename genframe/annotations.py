"""The words that options are annotated with. Torch-free, so that a recipe is checked without importing torch.

Any of `int float bool str None list tuple dict Literal Any`, unions, and `Annotated` with the bounds below may
annotate a keyword-only parameter; so may the names that are defined here.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le, Len, Lt, MinLen, MultipleOf

__all__ = [
    "Count",
    "Ge",
    "Gt",
    "Le",
    "Len",
    "Level",
    "Lt",
    "MinLen",
    "MultipleOf",
    "NonNegative",
    "Positive",
    "Probability",
    "Schedulable",
]


class Scheduled:
    """Marks an option that takes a number or a schedule, `{linear: {from: 0, to: 1, epochs: 100}}`."""

    def __repr__(self) -> str:
        return "Scheduled()"


class Ranged:
    """Marks an option that takes a number or a range `[low, high]` from which each example draws its own."""

    def __repr__(self) -> str:
        return "Ranged()"


Schedulable = Annotated[float, Scheduled()]
"""A number, or a schedule. A function gets the number of the step; an instance has it as its attribute."""

Level = Annotated[float | tuple[float, float], Scheduled(), Ranged()]
"""How much noise: a number, a range `[low, high]` drawn for each example, or a schedule."""

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Probability = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(1)]
