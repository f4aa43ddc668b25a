"""Binding: expressions to what they name. What a call leaves out is found by name, as pytest finds fixtures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from genframe.bound import (
    Binding,
    Bound,
    BoundWire,
    Field,
    FromArgument,
    FromEngine,
    FromWire,
    Invoke,
    Items,
    Literal,
    Part,
    Template,
    written,
)
from genframe.errors import Mark, Problem, RecipeError, nearest
from genframe.recipe.expression import Attribute, Call, Constant, Expression, Listing, Name, unparse
from genframe.recipe.model import Instance, Recipe, Wire
from genframe.registry import LookupProblem
from genframe.signature import REQUIRED
from genframe.wiring import Wiring

RESERVED = ("batch_size", "n", "step")
"""Numbers that the engine provides: the first dataset's batch size, an output's argument, the step."""


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
        listed = self.wiring.recipe.plugins
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
        given = f"the data give {', '.join(wiring.data) or 'nothing'}"
        message = f"nothing is called {name!r}: no wire, instance, function or data field ({given})"
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
        near = nearest(name, known)
        mark = self._mark(column, length)
        self.problems.append(Problem(code, message, mark, self.path, near, None if near else command))

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
        if inspect.isfunction(function) and function.__name__ not in _OF_EVERY_MODULE:
            return function
    return None


_OF_EVERY_MODULE = ("_forward_unimplemented", "_wrapped_call_impl", "_call_impl")
"""What a torch module without a forward has in its place, and how torch calls any."""


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
        if FromWire(name) in set(written(wiring.templates[template].bound))
    )
