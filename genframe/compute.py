"""Bound expressions turned into closures: what a step calls. The trial run has checked all that they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from genframe.bound import (
    Bound,
    Field,
    FromArgument,
    FromEngine,
    FromWire,
    Invoke,
    Items,
    Literal,
    Part,
    Template,
)
from genframe.parts import Parts

Env = dict[str, Any]
"""The values of wires, data fields and reserved numbers, by name."""

Frame = dict[str, Any]
"""The arguments of the enclosing wire, by name."""

Evaluate = Callable[[Env, Frame], Any]


@dataclass
class Compiler:
    """Makes closures over the parts; `bf16` and `compiled` say how nets are called.

    A component that is handed to another is called as it is, in neither way; so is a wire with arguments of which the
    other takes the slope, since compiled nets have no second derivative, and bfloat16 too few digits for one.
    """

    parts: Parts
    bf16: bool = False
    compiled: bool = False
    _templates: dict[str, Evaluate] = field(default_factory=dict)
    _callers: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for hook in self.parts.hooks if self.compiled else ():
            hook.leave_graphs()

    def compile(self, bound: Bound) -> Evaluate:
        """A function of (env, frame) that computes the bound expression."""
        match bound:
            case Literal(value=value):
                return lambda env, frame: value
            case FromWire(name=name) | FromEngine(name=name):
                return lambda env, frame: env[name]
            case FromArgument(name=name):
                return lambda env, frame: frame[name]
            case Part(instance=name):
                part = self.parts.handed(name)
                return lambda env, frame: part
            case Template(name=name):
                return self._template_value(name)
            case Field(value=Part(instance=name), name=method):
                attribute = getattr(self.parts[name], method)
                return lambda env, frame: attribute
            case Field(value=value, name=name):
                inner = self.compile(value)
                return lambda env, frame: getattr(inner(env, frame), name)
            case Items(items=items):
                inners = [self.compile(item) for item in items]
                return lambda env, frame: [inner(env, frame) for inner in inners]
            case Invoke():
                return self._invoke(bound)

    def _invoke(self, call: Invoke) -> Evaluate:
        args = [self.compile(arg) for arg in call.args]
        keywords = {key: self.compile(value) for key, value in call.keywords}
        if isinstance(call.function, Template):
            names = self.parts.wiring.templates[call.function.name].wire.params
            return self._inlined(call.function.name, dict(zip(names, args, strict=True)))
        if isinstance(call.function, Part):
            return _call_fixed(self.caller(call.function.instance), args, keywords)
        function = self.compile(call.function)
        if keywords:
            return lambda env, frame: function(env, frame)(
                *[arg(env, frame) for arg in args],
                **{key: value(env, frame) for key, value in keywords.items()},
            )
        return lambda env, frame: function(env, frame)(*[arg(env, frame) for arg in args])

    def caller(self, name: str) -> Callable[..., Any]:
        """How the component is called by wires, made once."""
        if name not in self._callers:
            self.parts[name]
            self._callers[name] = self.parts.caller(name, bf16=self.bf16, compiled=self.compiled)
        return self._callers[name]

    def _body(self, name: str) -> Evaluate:
        if name not in self._templates:
            self._templates[name] = self.compile(self.parts.wiring.templates[name].bound)
        return self._templates[name]

    def _inlined(self, name: str, args: dict[str, Evaluate]) -> Evaluate:
        body = self._body(name)
        return lambda env, frame: body(env, {key: arg(env, frame) for key, arg in args.items()})

    def _template_value(self, name: str) -> Evaluate:
        """A wire with arguments as a value: a function of tensors, for a penalty that asks for a critic, say."""
        plain = Compiler(self.parts) if name in self.parts.differentiated else self
        body, names = plain._body(name), self.parts.wiring.templates[name].wire.params
        return lambda env, frame: lambda *args: body(env, dict(zip(names, args, strict=True)))


def _call_fixed(
    function: Callable[..., Any], args: list[Evaluate], keywords: dict[str, Evaluate]
) -> Evaluate:
    if keywords:
        return lambda env, frame: function(
            *[arg(env, frame) for arg in args], **{key: value(env, frame) for key, value in keywords.items()}
        )
    if len(args) == 1:
        only = args[0]
        return lambda env, frame: function(only(env, frame))
    return lambda env, frame: function(*[arg(env, frame) for arg in args])
