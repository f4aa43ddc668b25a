"""What a call of a recipe is refused for before it is tried: shapes, laws and numbers of samples that can't do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from genframe import memory
from genframe.binding import called, required_parameters
from genframe.bound import Bound, BoundWire, Field, FromArgument, FromWire, Invoke, Part, Template
from genframe.described import shape_text
from genframe.errors import Mark, Problem, RecipeError
from genframe.parts import Parts
from genframe.supports import unlike


@dataclass(frozen=True, slots=True)
class Tracked:
    """A value and how many dimensions stand in front of its event: 1 for (batch, ...), 2 for (samples, batch, ...)."""

    value: Any
    lead: int = 0


def check_samples(
    parts: Parts, data: Mapping[str, Tracked], args: Sequence[Tracked], place: Mark, wire: BoundWire
) -> None:
    """Refuse a number of samples that could not be decoded even for the rows of the trial, before it is tried.

    Each is taken to become an example of the data, and its gradient.
    """
    count = math.prod(n for a in args if isinstance(a.value, list) for n in a.value if isinstance(n, int))
    example = max((t.value[0].nbytes for t in data.values() if isinstance(t.value, Tensor)), default=0)
    free, needed = memory.available(), 2 * parts.rows * count * example
    if free is not None and needed > free:
        message = (
            f"{count:,} samples at once: decoded to examples of the data they take {memory.shown(needed)} "
        )
        message += f"for {parts.rows} rows alone, and {memory.shown(free)} of memory are free: take fewer"
        raise RecipeError(Problem("GF542", message, place, path_of(wire)))


def check_event(parts: Parts, call: Invoke, args: Sequence[Tracked], wire: BoundWire) -> None:
    """What a likelihood takes against what it is given: the two shapes and the lines of both parts."""
    assert isinstance(call.function, Part)
    name = call.function.instance
    target = parts.wiring.instances[name].offer.load()
    if not hasattr(target, "takes") or not args or not isinstance(args[0].value, Tensor):
        return
    instance = parts.wiring.instances[name]
    takes = parts.taken(name)
    given = tuple(args[0].value.shape[args[0].lead :])
    if given == takes:
        return
    maker = call.args[0]
    related = [(instance.mark, f"{instance.offer.name} takes {shape_text(takes)} for these data")]
    if isinstance(maker, Invoke) and isinstance(maker.function, Part):
        other = parts.wiring.instances[maker.function.instance]
        related.append((other.mark, f"{other.offer.name} gives {shape_text(given)}"))
    message = f"{name} is given {shape_text(given)}, and takes {shape_text(takes)}"
    raise RecipeError(Problem("GF505", message, call.place, path_of(wire), related=tuple(related)))


def check_laws(parts: Parts, call: Invoke, values: Sequence[Any], wire: BoundWire) -> None:
    """What one call takes as `q_z` and as `p_z` are laws of the same codes."""
    instances = parts.wiring.instances
    match call.function:
        case Part(instance=name):
            takes = called(instances[name].offer.load())
        case Field(value=Part(instance=name), name=method):
            takes = getattr(instances[name].offer.load(), method)
        case _:
            return
    laws = dict(zip(required_parameters(takes) if takes else (), values, strict=False))
    fault = unlike(laws.get("q_z"), laws.get("p_z"))
    if fault:
        made = (one for one in instances.values() if one.kind in ("posterior", "prior"))
        related = tuple((one.mark, f"the {one.kind} {one.offer.name} is chosen here") for one in made)
        raise RecipeError(Problem("GF519", fault, call.place, path_of(wire), related=related))


def called_name(bound: Bound) -> str:
    match bound:
        case Part(instance=name) | Template(name=name) | FromWire(name=name) | FromArgument(name=name):
            return name
        case Field(value=value, name=name):
            return f"{called_name(value)}.{name}"
    return "this call"


def path_of(wire: BoundWire) -> str:
    return f"wires.{wire.label}"
