"""Bound expressions: what stands behind each word of a wire. A small tree, without tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genframe.errors import Mark
from genframe.recipe.model import Wire


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant of the recipe."""

    value: Any


@dataclass(frozen=True, slots=True)
class FromWire:
    """The value of a wire or of a data field (`x`, `scan.x`)."""

    name: str


@dataclass(frozen=True, slots=True)
class FromArgument:
    """An argument of the enclosing wire."""

    name: str


@dataclass(frozen=True, slots=True)
class FromEngine:
    """A reserved number."""

    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """A component as a value: handed to what asks for it, or called."""

    instance: str


@dataclass(frozen=True, slots=True)
class Template:
    """A wire with arguments as a value: something to call."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field or method of a value: `q_z.mean`; `place` for errors."""

    value: Bound
    name: str
    place: Mark


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    """A call, with what it left out filled in."""

    function: Bound
    args: tuple[Bound, ...]
    keywords: tuple[tuple[str, Bound], ...]
    place: Mark


Bound = Literal | FromWire | FromArgument | FromEngine | Part | Template | Field | Items | Invoke


@dataclass(frozen=True, slots=True)
class BoundWire:
    """A wire and its bound expression."""

    wire: Wire
    bound: Bound

    @property
    def label(self) -> str:
        """How it is written in messages: `z`, or `judge(v)`."""
        names = ", ".join(self.wire.names)
        return f"{names}({', '.join(self.wire.params)})" if self.wire.params else names


@dataclass(frozen=True, slots=True)
class Binding:
    """A row of `explain`: `elbo.q_z <- q_z <- posterior(encoder(x))`."""

    call: str
    parameter: str
    source: str


def written(bound: Bound) -> Iterator[Bound]:
    """Everything that stands in a bound expression itself, templates not unfolded."""
    yield bound
    match bound:
        case Field(value=value):
            yield from written(value)
        case Items(items=items):
            for item in items:
                yield from written(item)
        case Invoke(function=function, args=args, keywords=keywords):
            for inner in (function, *args, *(value for _, value in keywords)):
                yield from written(inner)
