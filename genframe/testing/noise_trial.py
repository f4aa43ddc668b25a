"""A noise at work: what it is called with, its options for levels, and which column each of them fills."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from genframe.annotations import Ranged
from genframe.recipe.words import marked, number_of
from genframe.signature import REQUIRED, Option
from genframe.testing.examples import NONE, example
from genframe.testing.kit import Failure
from genframe.testing.recovery import figures, pictures
from genframe.testing.subject import Subject
from genframe.testing.toys import Case, Toys, image
from genframe.values import Levels

CASE = image(1, 28, 28)
"""Where levels are measured."""


def batch(subject: Subject, case: Case, rows: int = 4, seed: int = 1) -> Tensor:
    """What the noise is called with: data, or labels int64 (batch,) where it says `needs=("labels",)`."""
    toys = Toys(case, seed, rows)
    return toys.y if "labels" in subject.needs else toys.x


@dataclass
class Trial:
    """A noise whose levels can be told apart: each `Level` option above zero, `alike` rows to compare."""

    subject: Subject
    case: Case = CASE

    @cached_property
    def level_options(self) -> dict[str, Option]:
        """The options that take a level, by recipe key.

        One that is null by default may say in another way what another option says (a variance, a std): it is left
        alone, but for the first where all are null.
        """
        options = self.subject.signature.options
        found = {key: option for key, option in options.items() if marked(option.annotation, Ranged)}
        written = {key: option for key, option in found.items() if option.default is not None}
        return written or dict(list(found.items())[:1])

    @cached_property
    def full(self) -> dict[str, float]:
        """A level above zero for each: the default, the upper end of a range, or what the bounds allow."""
        given = self.subject.offer.component.example or {}
        return {
            key: _above_zero(given.get(key, option.default), option)
            for key, option in self.level_options.items()
        }

    def ranges(self) -> dict[str, tuple[float, float]]:
        """A range for each: the upper half of the way to its full level."""
        return {key: half_to(full) for key, full in self.full.items()}

    def build(self, **changed: Any) -> Any:
        """The noise, with full levels unless `changed` says otherwise."""
        return self.subject.build(self.case, **{**self.full, **changed})

    def alike(self, rows: int) -> Tensor:
        """The same picture (or label) `rows` times."""
        if "labels" in self.subject.needs:
            return torch.ones(rows, dtype=torch.int64)
        return self._pictures(1).repeat(rows, 1, 1, 1)

    def different(self, rows: int) -> Tensor:
        """A picture (or label) of its own for each row."""
        return (
            batch(self.subject, self.case, rows) if "labels" in self.subject.needs else self._pictures(rows)
        )

    def _pictures(self, rows: int) -> Tensor:
        """Pictures, in bits where the noise needs them."""
        made = pictures(self.case, rows)
        return made.round() if "bits" in self.subject.needs else made

    def column_of(self, key: str, names: tuple[str, ...]) -> int | None:
        """The column that a `Level` option fills: the one of its name; or the only column of the only option."""
        parameter = self.level_options[key].parameter
        for name in (key, parameter):
            if name in names:
                return names.index(name)
        return 0 if len(names) == len(self.level_options) == 1 else None

    def named(self, key: str, names: tuple[str, ...]) -> bool:
        """Whether the option's column bears its name, so that it must hold the option's very number."""
        return key in names or self.level_options[key].parameter in names


def half_to(full: float) -> tuple[float, float]:
    """The range between half of a level and all of it."""
    return (full / 2, full) if full > 0 else (full, full / 2)


def _above_zero(default: Any, option: Option) -> float:
    if isinstance(default, (tuple, list)):
        default = max(default, key=lambda end: (abs(end), end))
    if isinstance(default, (int, float)) and default != 0:
        return float(default)
    guess: Any = example(number_of(option.annotation)) if default is REQUIRED else NONE
    return float(guess) if isinstance(guess, (int, float)) and 0 < guess <= 1 else 0.5


def call(noise: Any, x: Tensor, *, seed: int, level: Any = None) -> tuple[Tensor, Levels]:
    """The noise under a seed. Raises Failure where it does not give (noised x, Levels)."""
    torch.manual_seed(seed)
    found = noise(x) if level is None else noise(x, level=level)
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Levels)):
        raise Failure(
            "noise(x) is (noised x, Levels)",
            came=f"a {type(found).__name__}"
            + (f" of {[type(f).__name__ for f in found]}" if isinstance(found, tuple) else ""),
            hint="derive from genframe.Noise and write draw(x) and apply(x, level), or return Levels(table, names)",
        )
    return found


def measured(noise: Any, x: Tensor, table: Tensor, seed: int) -> Tensor:
    """The figures of the change at the levels of a table (rows, columns)."""
    return figures(x, call(noise, x, seed=seed, level=table)[0])


def same(one: Tensor, other: Tensor) -> bool:
    """Equal in shape and in every value; NaN is equal to itself."""
    return one.shape == other.shape and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
