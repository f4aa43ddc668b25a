"""Expressions bound to what they name: which wire, instance, function or number stands behind each word.

Binding finds what a call leaves out by name, as pytest finds fixtures. Its result is a small tree (`Bound`) a
wire, from which follow the dependencies, the components that a wire reaches, and how it is computed.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from genframe.errors import Mark, Problem, RecipeError
from genframe.recipe.expression import Attribute, Call, Constant, Expression, Listing, Name, unparse
from genframe.recipe.model import Instance, Recipe, Wire
from genframe.registry import LookupProblem
from genframe.signature import REQUIRED

RESERVED = ("batch_size", "n", "step")
"""Numbers that the engine provides: the first dataset's batch size, an output's argument, the step."""


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
        for part in _written(bound):
            yield part
            if isinstance(part, Template):
                inside = (*_inside, part.name)
                if part.name in _inside:
                    mark = self.templates[part.name].wire.mark
                    message = f"the wire {part.name!r} calls itself: {' -> '.join(inside)}"
                    raise RecipeError(Problem("GF413", message, mark, f"wires.{part.name}"))
                yield from self.parts(self.templates[part.name].bound, inside)

    def held_by(self, name: str) -> frozenset[str]:
        """An instance and the instances its constructor asks for (tied weights)."""
        held, queue = {name}, [name]
        while queue:
            instance = self.instances[queue.pop()]
            for given in instance.offer.signature().givens:
                other = str(instance.given.get(given, given))
                if other in self.instances and other not in held:
                    held.add(other)
                    queue.append(other)
        return frozenset(held)

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


def bind(recipe: Recipe, data: Mapping[str, Any]) -> Wiring:
    """Bind every wire and output of the recipe; `data` names the fields that the datasets provide.

    Raises RecipeError with all the names that could not be found.
    """
    wiring = Wiring(recipe, data, instances=dict(recipe.instances))
    binder = _Binder(wiring)
    for wire in recipe.wires:
        if wire.params:
            wiring.templates[wire.names[0]] = BoundWire(wire, Literal(None))
    binder.names = frozenset(
        name for wire in recipe.wires if not wire.params for name in wire.names if name != "_"
    )
    for wire in recipe.wires:
        bound = BoundWire(wire, binder.bind(wire, f"wires.{', '.join(wire.names)}"))
        if wire.params:
            wiring.templates[wire.names[0]] = bound
        else:
            wiring.plain.update((name, bound) for name in wire.names if name != "_")
    for wire in recipe.outputs:
        name = wire.names[0]
        wiring.outputs[name] = BoundWire(wire, binder.bind(wire, f"outputs.{name}"))
    RecipeError.collect(binder.problems)
    for output in wiring.outputs.values():
        _check_output(wiring, output, binder.problems)
    RecipeError.collect(binder.problems)
    _ = wiring.order, wiring.reach  # cycles are found here
    return wiring


def required_parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The required positional parameters of a function, or of a method without its `self`."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.kind in kinds and p.default is p.empty and p.name != "self")


class _Binder:
    """Binds expressions one after the other and collects what is wrong."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.problems: list[Problem] = []
        self.names: frozenset[str] = frozenset()
        self.wire: Wire
        self.path = ""

    def bind(self, wire: Wire, path: str) -> Bound:
        self.wire, self.path = wire, path
        return self._expression(wire.expression)

    def _expression(self, expression: Expression) -> Bound:
        match expression:
            case Constant(value=value):
                return Literal(value)
            case Listing(items=items):
                return Items(tuple(map(self._expression, items)))
            case Name(id=name, column=column):
                return self._name(name, column)
            case Attribute(value=Name(id=dataset), name=name) if dataset in self.wiring.recipe.datasets:
                return self._data_field(dataset, name, expression.column)
            case Attribute(value=value, name=name, column=column):
                return Field(self._expression(value), name, self._mark(column, len(unparse(expression))))
            case Call():
                return self._call(expression)

    def _mark(self, column: int, length: int) -> Mark:
        return self.wire.mark.shifted(column, length)

    def find(self, name: str) -> Bound | None:
        """What a name means here, functions apart: an argument, a wire, an instance, a data field, a number."""
        wiring = self.wiring
        if name in self.wire.params:
            return FromArgument(name)
        if name in self.names or name in wiring.data:
            return FromWire(name)
        if name in wiring.templates:
            return Template(name)
        if name in wiring.recipe.instances:
            return Part(name)
        if name in RESERVED:
            return FromEngine(name)
        return None

    def _name(self, name: str, column: int) -> Bound:
        return self.find(name) or self._implicit(name) or self._unknown(name, column)

    def _implicit(self, name: str) -> Bound | None:
        """A function or loss that is used by its bare name, without options."""
        if name in self.wiring.instances:
            return Part(name)
        listed = getattr(self.wiring.recipe, "plugins", ())
        for kind in ("function", "loss"):
            try:
                offer = self.wiring.recipe.registry.find(kind, name, listed)
            except LookupProblem:
                continue
            options = offer.signature().options
            missing = [o.name for o in options.values() if o.default is REQUIRED]
            if missing:
                message = f"{offer.name} needs the option {missing[0]!r}: give it an instance"
                self.problems.append(Problem("GF404", message, self.wire.mark, self.path))
            defaults = {key: option.default for key, option in options.items()}
            self.wiring.instances[name] = Instance(name, kind, offer, defaults, self.wire.mark)
            return Part(name)
        return None

    def _unknown(self, name: str, column: int) -> Bound:
        wiring = self.wiring
        known = [*self.names, *wiring.templates, *wiring.data, *wiring.recipe.instances, *self.wire.params]
        for kind in ("function", "loss"):
            known += [o.component.name.replace("-", "_") for o in wiring.recipe.registry.offers(kind)]
        message = f"nothing is called {name!r}: no wire, instance, data field or function"
        self._problem("GF401", message, column, len(name), name, known, "genframe list function")
        return Literal(None)

    def _data_field(self, dataset: str, name: str, column: int) -> Bound:
        full = f"{dataset}.{name}"
        if full not in self.wiring.data:
            known = [key.split(".", 1)[1] for key in self.wiring.data if key.startswith(f"{dataset}.")]
            message = f"the dataset {dataset!r} provides {', '.join(known) or 'nothing'}, not {name!r}"
            self._problem("GF401", message, column + len(dataset) + 1, len(name), name, known)
        return FromWire(full)

    def _problem(
        self,
        code: str,
        message: str,
        column: int,
        length: int,
        name: str,
        known: list[str],
        command: str | None = None,
    ) -> None:
        nearest = difflib.get_close_matches(name, known, 1, 0.6)
        mark = self._mark(column, length)
        self.problems.append(
            Problem(
                code, message, mark, self.path, nearest[0] if nearest else None, None if nearest else command
            )
        )

    def _call(self, call: Call) -> Bound:
        function = self._expression(call.function)
        args = tuple(map(self._expression, call.args))
        keywords = tuple((key, self._expression(value)) for key, value in call.keywords)
        mark = self._mark(call.column, len(unparse(call)))
        names = self._parameters(function, call)
        if names is None:
            return Invoke(function, args, keywords, mark)
        written = unparse(call.function)
        if isinstance(function, Template) and len(args) > len(names):
            message = f"{written} takes {len(names)} argument(s), not {len(args)}"
            self.problems.append(Problem("GF405", message, mark, self.path))
        for parameter, expression in zip(names, call.args, strict=False):
            self.wiring.bindings.append(Binding(written, parameter, unparse(expression)))
        written_out = dict(keywords)
        for name in names[len(args) :]:  # what is left out, in the order in which the callee takes it
            source = written_out.pop(name, None) or self.find(name) or self._missing(written, name, call)
            self.wiring.bindings.append(Binding(written, name, name))
            args += (source,)
        return Invoke(function, args, tuple(written_out.items()), mark)

    def _parameters(self, function: Bound, call: Call) -> tuple[str, ...] | None:
        """The required positional parameters of what is called; None where binding by name has no place."""
        match function:
            case Template(name=name):
                return self.wiring.templates[name].wire.params
            case Part(instance=name):
                return self._call_parameters(name, call)
            case Field(value=Part(instance=name), name=method):
                return self._method_parameters(name, method, call)
            case Literal() | Items() | FromEngine():
                message = (
                    f"{unparse(call.function)} can't be called: no component, function or wire with arguments"
                )
                length = len(unparse(call.function))
                self.problems.append(Problem("GF406", message, self._mark(call.column, length), self.path))
        return None

    def _call_parameters(self, name: str, call: Call) -> tuple[str, ...] | None:
        offer = self.wiring.instances[name].offer
        function = called(offer.load())
        if function is not None:
            return required_parameters(function)
        methods = public_methods(offer.load())
        message = f"{name!r} ({offer.name}) can't be called; it has the methods {', '.join(methods)}"
        self._problem("GF407", message, call.column, len(unparse(call.function)), name, [])
        return None

    def _method_parameters(self, name: str, method: str, call: Call) -> tuple[str, ...] | None:
        target = self.wiring.instances[name].offer.load()
        methods = public_methods(target)
        if method not in methods:
            message = f"{name!r} ({self.wiring.instances[name].offer.name}) has no method {method!r}"
            message += f"; it has {', '.join(methods)}" if methods else ""
            self._problem("GF407", message, call.column + len(name) + 1, len(method), method, methods)
            return None
        return required_parameters(getattr(target, method))

    def _missing(self, written: str, name: str, call: Call) -> Bound:
        known = [*self.names, *self.wiring.templates, *self.wiring.data, *self.wiring.recipe.instances]
        message = (
            f"{written} needs {name!r}, and no wire, instance or data field has that name: "
            f"add a wire {name!r}, or write {written}({name}=...)"
        )
        self._problem("GF402", message, call.column, len(unparse(call)), name, known)
        return Literal(None)


def called(target: Any) -> Callable[..., Any] | None:
    """The function that runs when an instance of `target`, or the function `target`, is called; None if none does."""
    if not inspect.isclass(target):
        return target if callable(target) else None
    for name in ("forward", "__call__"):
        owners = (vars(base)[name] for base in target.__mro__ if name in vars(base))
        function = next(owners, None)
        if inspect.isfunction(function) and function.__name__ != "_forward_unimplemented":
            return function
    return None


def public_methods(target: Any) -> list[str]:
    """The public methods of a class, its own and its bases', without those that torch gives every module."""
    if not inspect.isclass(target):
        return []
    bases = [
        base for base in target.__mro__ if base.__module__.partition(".")[0] not in ("torch", "builtins")
    ]
    named = {name: None for base in bases for name, value in vars(base).items() if inspect.isfunction(value)}
    return [name for name in named if not name.startswith("_")]


def _check_output(wiring: Wiring, output: BoundWire, problems: list[Problem]) -> None:
    """An output has nothing but its arguments: no data field may stand above it."""
    for name in sorted(wiring.needs(output.bound)):
        above = {
            name,
            *(
                n
                for wire in wiring.ancestors(frozenset({name}))
                for n in wiring.needs(wiring.plain[wire].bound)
            ),
        }
        data = sorted(above & set(wiring.data))
        if data:
            message = (
                f"the output {output.label!r} uses {name!r}, which needs the data field {data[0]!r}: "
                f"an output has only its arguments; write what it needs from {data[0]!r} as an argument"
            )
            path = f"outputs.{output.wire.names[0]}"
            related = _templates_reading(wiring, output.bound, name)
            problems.append(Problem("GF408", message, output.wire.mark, path, related=related))


def _templates_reading(wiring: Wiring, bound: Bound, name: str) -> tuple[tuple[Mark, str], ...]:
    """The wires with arguments, used by a bound expression, that read `name` themselves."""
    used = {part.name for part in wiring.parts(bound) if isinstance(part, Template)}
    return tuple(
        (wiring.templates[template].wire.mark, f"{wiring.templates[template].label} uses {name!r} here")
        for template in sorted(used)
        if FromWire(name) in set(_written(wiring.templates[template].bound))
    )


def _written(bound: Bound) -> Iterator[Bound]:
    """Everything that stands in a bound expression itself, templates not unfolded."""
    yield bound
    match bound:
        case Field(value=value):
            yield from _written(value)
        case Items(items=items):
            for item in items:
                yield from _written(item)
        case Invoke(function=function, args=args, keywords=keywords):
            for inner in (function, *args, *(value for _, value in keywords)):
                yield from _written(inner)
