"""What a sweep tries: settings with several values or a range, and the trials that a grid or draws make of them.

prior.dim=2,8,32            a value each
optimizer.lr=1e-4..1e-2:log      a range; `:5` is five numbers of it, `:log` evenly over the orders of magnitude
prior.dim=2..8              in a grid, each whole number
train.steps=500             one value: a setting of every trial
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SEED = "seed"
"""Trials that differ in this setting alone are repetitions of one another."""

MOST = 10_000
"""Trials of a sweep at most: more is a slip of the pen."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?(?::(\d+))?")
_OPEN, _CLOSE = "([{", ")]}"

Settings = tuple[tuple[str, str], ...]
"""A trial's settings, key and text, in the order in which they were given."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; whole ones where both ends are. `count`: so many of them in a grid."""

    low: float
    high: float
    whole: bool
    log: bool = False
    count: int | None = None

    def draw(self, generator: random.Random) -> str:
        """A number of the range, as a recipe writes it."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        if self.whole and not self.log:
            return str(generator.randint(int(low), int(high)))
        value = generator.uniform(low, high)
        return self._written(math.exp(value) if self.log else value)

    def grid(self) -> tuple[str, ...] | None:
        """Its numbers for a grid; None where nothing says how many."""
        if self.count is None:
            if not self.whole or self.log or self.high - self.low >= MOST:
                return None
            return tuple(str(number) for number in range(int(self.low), int(self.high) + 1))
        shares = [number / max(self.count - 1, 1) for number in range(self.count)]
        if self.log:
            return _once(self._written(self.low * (self.high / self.low) ** share) for share in shares)
        return _once(self._written(self.low + (self.high - self.low) * share) for share in shares)

    def _written(self, value: float) -> str:
        value = min(max(value, self.low), self.high)
        return str(round(value)) if self.whole else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting and what it takes: values as a recipe writes them, or a range."""

    key: str
    takes: tuple[str, ...] | Range

    @classmethod
    def of(cls, text: str) -> Axis:
        """`key=a,b,c`, `key=low..high`. Raises ValueError."""
        key, equals, values = text.partition("=")
        if not key.strip() or not equals or not values.strip():
            raise ValueError(f"{text!r} is not KEY=VALUE,VALUE or KEY=LOW..HIGH")
        found = _RANGE.fullmatch(values.strip())
        return cls(key.strip(), _range(text, found) if found else _values(text, values))

    @property
    def fixed(self) -> str | None:
        """The one value that it takes, if it is one."""
        return self.takes[0] if isinstance(self.takes, tuple) and len(self.takes) == 1 else None

    def values(self) -> tuple[str, ...]:
        """All of them, for a grid. Raises ValueError for a range of uncounted numbers."""
        values = self.takes if isinstance(self.takes, tuple) else self.takes.grid()
        if values is None:
            message = f"{self.key} is a range: say how many numbers of it a grid takes ({self.key}=...:5)"
            raise ValueError(f"{message}, or draw from it (--random 20)")
        return values

    def draw(self, generator: random.Random) -> str:
        return self.takes.draw(generator) if isinstance(self.takes, Range) else generator.choice(self.takes)


def axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    """Every setting of a command line. Raises ValueError, also for a key that is there twice."""
    found = tuple(map(Axis.of, texts))
    keys = [axis.key for axis in found]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice: give its values in one, {twice}=a,b,c")
    return found


def grid(found: Sequence[Axis]) -> list[Settings]:
    """Every combination, the last setting changing first. Raises ValueError."""
    values = [axis.values() for axis in found]
    _bounded(math.prod(map(len, values)))
    return [_settings(found, combination) for combination in itertools.product(*values)]


def drawn(found: Sequence[Axis], count: int, seed: int) -> list[Settings]:
    """`count` points, each under every value of `seed`. A point is a function of its number: more only add to them."""
    points = [axis for axis in found if axis.key != SEED]
    seeds = [axis for axis in found if axis.key == SEED]
    repeated = list(itertools.product(*(axis.values() for axis in seeds)))
    _bounded(count * len(repeated))
    trials = []
    for number in range(count):
        values = {axis.key: axis.draw(random.Random(f"{seed}/{number}/{axis.key}")) for axis in points}
        for combination in repeated:
            values |= {axis.key: value for axis, value in zip(seeds, combination, strict=True)}
            trials.append(tuple((axis.key, values[axis.key]) for axis in found))
    return trials


def _settings(found: Sequence[Axis], values: Sequence[str]) -> Settings:
    return tuple((axis.key, value) for axis, value in zip(found, values, strict=True))


def _bounded(count: int) -> None:
    if count > MOST:
        raise ValueError(f"that makes {count:,} trials, and {MOST:,} are the most: draw some (--random 20)")


def _range(text: str, found: re.Match[str]) -> Range:
    low, high, log = float(found[1]), float(found[2]), bool(found[3])
    count = int(found[4]) if found[4] else None
    if not low < high:
        raise ValueError(f"{text!r}: a range goes from the lower number to the higher")
    if log and low <= 0:
        raise ValueError(f"{text!r}: orders of magnitude begin above 0")
    if count is not None and count < 2:
        raise ValueError(f"{text!r}: a range gives a grid at least 2 numbers")
    whole = all(re.fullmatch(r"[-+]?\d+", end) for end in (found[1], found[2]))
    return Range(low, high, whole, log, count)


def _values(text: str, values: str) -> tuple[str, ...]:
    """Texts between commas, but for those inside brackets and quotes."""
    parts = tuple(part.strip() for part in _parted(values))
    if not all(parts):
        raise ValueError(f"{text!r}: a value between two commas is empty")
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice is not None:
        raise ValueError(f"{text!r}: {twice} is there twice")
    return parts


def _parted(text: str) -> Iterator[str]:
    depth, quote, start = 0, "", 0
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _OPEN or letter in _CLOSE:
            depth += 1 if letter in _OPEN else -1
        elif letter == "," and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _once(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
