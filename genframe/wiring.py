"""All wires of a recipe, bound: their order, what each needs, and which components it reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from genframe.bound import Binding, Bound, BoundWire, FromWire, Part, Template, written
from genframe.errors import Problem, RecipeError
from genframe.recipe.model import Instance, Recipe


@dataclass
class Wiring:
    """All wires of a recipe, bound.

    `plain` are the wires by name (a wire that unpacks stands under each of its names), `templates` the wires with
    arguments, `outputs` the outputs, `instances` those of the recipe and the implicit ones (a loss or function
    that is used by its bare name), `data` the names of the data fields.
    """

    recipe: Recipe
    data: Mapping[str, Any]
    plain: dict[str, BoundWire] = field(default_factory=dict)
    templates: dict[str, BoundWire] = field(default_factory=dict)
    outputs: dict[str, BoundWire] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)
    _asked: dict[str, tuple[Instance, tuple[str, ...]]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The plain wires so that each stands behind those it needs. Raises RecipeError for a cycle."""
        done: dict[str, None] = {}
        path: list[str] = []

        def visit(name: str) -> None:
            if name in path:
                cycle = [*path[path.index(name) :], name]
                mark = self.plain[name].wire.mark
                message = f"these wires need each other: {' -> '.join(cycle)}"
                raise RecipeError(Problem("GF413", message, mark, f"wires.{name}"))
            if name in done or name not in self.plain:
                return
            path.append(name)
            for other in sorted(self.needs(self.plain[name].bound)):
                visit(other)
            path.pop()
            done[name] = None

        for name in self.plain:
            visit(name)
        return tuple(done)

    def needs(self, bound: Bound) -> frozenset[str]:
        """The wires and data fields that a bound expression reads, through the templates it uses."""
        found: set[str] = set()
        for part in self.parts(bound):
            if isinstance(part, FromWire):
                found.add(part.name)
        return frozenset(found)

    def touches(self, bound: Bound) -> frozenset[str]:
        """The instances that a bound expression calls or hands over, and those that they were given when built."""
        found: set[str] = set()
        for part in self.parts(bound):
            if isinstance(part, Part):
                found |= self.held_by(part.instance)
        return frozenset(found)

    def parts(self, bound: Bound, _inside: tuple[str, ...] = ()) -> Iterator[Bound]:
        """Everything in a bound expression, templates unfolded. Raises RecipeError for one that calls itself."""
        for part in written(bound):
            yield part
            if isinstance(part, Template):
                inside = (*_inside, part.name)
                if part.name in _inside:
                    mark = self.templates[part.name].wire.mark
                    message = f"the wire {part.name!r} calls itself: {' -> '.join(inside)}"
                    raise RecipeError(Problem("GF413", message, mark, f"wires.{part.name}"))
                yield from self.parts(self.templates[part.name].bound, inside)

    def held_by(self, name: str) -> frozenset[str]:
        """An instance, the instances its constructor asks for (tied weights), and the noises that stand inside it."""
        held, queue = {name}, [name]
        while queue:
            owner = queue.pop()
            inside = [site.noise for site in self.recipe.sites if site.inside and site.owner == owner]
            new = {*self.given(owner), *inside} - held
            held |= new
            queue.extend(new)
        return frozenset(held)

    def given(self, name: str) -> frozenset[str]:
        """The instances that an instance's constructor asks for."""
        instance, asked = self.instances[name], self._asked.get(name)
        if (
            asked is None or asked[0] is not instance
        ):  # read from the source once: this is asked for very often
            names = tuple(
                str(one.given.get(given, given))
                for one in (instance, *instance.parts())
                for given in one.offer.signature().givens
            )
            asked = self._asked[name] = (instance, names)
        return frozenset(other for other in asked[1] if other in self.instances)

    def ancestors(self, names: frozenset[str]) -> tuple[str, ...]:
        """`names` and every plain wire they need, in order."""
        wanted, queue = set(names), list(names)
        while queue:
            wire = self.plain.get(queue.pop())
            for other in self.needs(wire.bound) if wire else ():
                if other not in wanted:
                    wanted.add(other)
                    queue.append(other)
        return tuple(name for name in self.order if name in wanted)

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """For each plain wire the instances that it reaches, through every wire above it."""
        reached: dict[str, frozenset[str]] = {}
        for name in self.order:
            bound = self.plain[name].bound
            above = (reached.get(other, frozenset()) for other in self.needs(bound))
            reached[name] = self.touches(bound).union(*above)
        return reached
