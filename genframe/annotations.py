"""The words that options are annotated with. Torch-free, so that a recipe is checked without importing torch.

Any of `int float bool str None list tuple dict Literal Any`, unions, and `Annotated` with the bounds below may
annotate a keyword-only parameter; so may the names that are defined here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len, Lt, MinLen, MultipleOf

__all__ = [
    "Count",
    "FilePath",
    "Ge",
    "Gt",
    "Le",
    "Len",
    "Level",
    "Lt",
    "MinLen",
    "MultipleOf",
    "NonNegative",
    "Of",
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


class Relative:
    """Marks a path; in a recipe it is relative to the file that it stands in."""

    def __repr__(self) -> str:
        return "Relative()"


@dataclass(frozen=True, slots=True)
class Of:
    """Marks an option that takes a component of a kind, by its name or as a block, and gets it built.

    `inner: Annotated[Any, Of("noise")]`; several, by names, are `parts: dict[str, Annotated[Any, Of("noise")]]`.
    """

    kind: str


Schedulable = Annotated[float, Scheduled()]
"""A number, or a schedule. A function gets the number of the step; an instance has it as its attribute."""

Level = Annotated[float | tuple[float, float], Scheduled(), Ranged()]
"""How much noise: a number, a range `[low, high]` drawn for each example, or a schedule."""

FilePath = Annotated[str, Relative()]
"""A file or folder: relative to the recipe it stands in, on the command line to the working directory; `~` is home."""

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Probability = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(1)]
