"""Values for options: one that is valid, those at the edges of what is allowed, and those just outside."""

from __future__ import annotations

import operator
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Len, Lt, MinLen, MultipleOf

NONE = object()
"""There is no value that could be guessed: a path, a name."""


def example(annotation: Any) -> Any:
    """A valid value of an annotation, small where it is a count; `NONE` where none can be guessed."""
    annotation, bounds = _parts(annotation)
    origin = get_origin(annotation)
    if annotation is bool:
        return False
    if annotation in (int, float):
        return _number(annotation, bounds)
    if origin is Literal:
        return get_args(annotation)[0]
    if origin in (typing.Union, types.UnionType):
        found = (example(choice) for choice in get_args(annotation) if choice is not type(None))
        return next((value for value in found if value is not NONE), NONE)
    if origin in (tuple, list):
        return _sequence(annotation, bounds)
    return NONE


def edges(annotation: Any) -> Iterator[Any]:
    """Every value at the edge of what an annotation allows.

    Closed bounds, each choice, both truth values, null where it may be; lists that are empty or as short and as long
    as they may be, and lists of such values.
    """
    annotation, bounds = _parts(annotation)
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        yield from (False, True)
    elif annotation in (int, float):
        for bound in bounds:
            if isinstance(bound, (Ge, Le)):
                yield annotation(_limit(bound))
    elif origin is Literal:
        yield from inside
    elif origin in (typing.Union, types.UnionType):
        for choice in inside:
            yield from [None] if choice is type(None) else edges(_bounded(choice, bounds))
    elif origin in (tuple, list) and inside:
        yield from _edges_of_sequence(origin, inside, bounds)


def outside(annotation: Any) -> Iterator[Any]:
    """Values that an annotation does not allow: just beyond each bound, and of another type."""
    annotation, bounds = _parts(annotation)
    inside = get_args(annotation)
    if get_origin(annotation) in (typing.Union, types.UnionType):
        numbers = [choice for choice in inside if _parts(choice)[0] in (int, float)]
        if len(numbers) == 1 and str not in inside:
            yield from outside(_bounded(numbers[0], bounds))
        return
    step = 1 if annotation is int else 1e-3
    beyond = {Ge: -step, Gt: 0, Le: step, Lt: 0}
    for bound in bounds:
        if type(bound) in beyond:
            yield _limit(bound) + beyond[type(bound)]
    if annotation in (int, float, bool) or get_origin(annotation) is Literal:
        yield "no such value"


def _bounded(choice: Any, bounds: tuple[Any, ...]) -> Any:
    """One choice of a union, under the bounds that stand about the union where it is a number."""
    kept = tuple(bound for bound in bounds if isinstance(bound, (Ge, Gt, Le, Lt)))
    return Annotated[(choice, *kept)] if kept and _parts(choice)[0] in (int, float) else choice


def _edges_of_sequence(build: Any, inside: tuple[Any, ...], bounds: tuple[Any, ...]) -> Iterator[Any]:
    if build is tuple and inside[-1] is not Ellipsis:
        usual = [example(item) for item in inside]
        if NONE not in usual:
            for place, item in enumerate(inside):
                yield from ((*usual[:place], edge, *usual[place + 1 :]) for edge in edges(item))
        return
    lengths = [limit for b in bounds if isinstance(b, (Len, MinLen)) for limit in (b.min_length,)]
    lengths += [b.max_length for b in bounds if isinstance(b, Len) and b.max_length is not None]
    usual = [example(inside[0])]
    yield from (build(usual * length) for length in lengths or [0] if NONE not in usual or not length)
    yield from (build([edge] * max([1, *lengths[:1]])) for edge in edges(inside[0]))


def others(annotation: Any, value: float) -> Iterator[float]:
    """Numbers other than `value` that an annotation allows."""
    _, bounds = _parts(annotation)
    fits = {Ge: operator.ge, Gt: operator.gt, Le: operator.le, Lt: operator.lt}
    for other in (2 * value + 1, value / 2, 0.25, 0.75):
        inside = all(fits[type(bound)](other, _limit(bound)) for bound in bounds if type(bound) in fits)
        if other != value and inside:
            yield other


def _parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without its `Annotated`, and what stood there."""
    bounds: tuple[Any, ...] = ()
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        bounds += tuple(more)
    return annotation, bounds


def _number(kind: type, bounds: tuple[Any, ...]) -> Any:
    """A number within bounds: 2 where that may be, else the middle, or just inside the one bound."""
    lows = [_limit(bound) for bound in bounds if isinstance(bound, (Ge, Gt))]
    highs = [_limit(bound) for bound in bounds if isinstance(bound, (Le, Lt))]
    multiples = [bound.multiple_of for bound in bounds if isinstance(bound, MultipleOf)]
    if multiples:
        return multiples[0]
    if lows and highs:
        low, high = max(lows), min(highs)
        return (low + high) / 2 if kind is float else int(low + (high - low) // 2)
    value = max(2, max(lows) + 1) if lows else 2
    return kind(min(value, min(highs) - 1) if highs else value)


def _limit(bound: Any) -> Any:
    """The number of a bound: the field that is named like it."""
    return getattr(bound, type(bound).__name__.lower())


def _sequence(annotation: Any, bounds: tuple[Any, ...]) -> Any:
    inner = get_args(annotation)
    build = get_origin(annotation)
    if build is tuple and inner and inner[-1] is not Ellipsis:
        values = [example(item) for item in inner]
    else:
        length = max((b.min_length for b in bounds if isinstance(b, (MinLen, Len))), default=0)
        values = [example(inner[0] if inner else int)] * max(length, 2)
    return NONE if any(value is NONE for value in values) else build(values)
