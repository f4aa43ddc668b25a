"""Annotations and defaults of options, read from their syntax in a closed namespace; nothing is evaluated."""

from __future__ import annotations

import ast
import builtins
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types

import genframe.annotations as words
from genframe.source import SignatureError, Source

_OWN = {name: getattr(words, name) for name in words.__all__}
_BOUNDS = ("Ge", "Gt", "Le", "Len", "Lt", "MaxLen", "MinLen", "MultipleOf")

WORDS: dict[str, Any] = {
    **{name: getattr(builtins, name) for name in ("int", "float", "bool", "str", "list", "tuple", "dict")},
    **{
        f"{module}.{name}": getattr(typing, name)
        for module in ("typing", "typing_extensions")
        for name in ("Annotated", "Any", "Literal", "Optional", "Union")
    },
    **{f"annotated_types.{name}": getattr(annotated_types, name) for name in _BOUNDS},
    **{f"genframe.{name}": word for name, word in _OWN.items()},
    **{f"genframe.annotations.{name}": word for name, word in _OWN.items()},
    "collections.abc.Mapping": Mapping,
    "collections.abc.Sequence": Sequence,
}
"""Every word that may stand in an option's annotation, by its full name."""


def constant(source: Source, node: ast.expr) -> Any:
    """The value of a literal. Raises SignatureError."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise _refusal(source, node, "is not a literal") from error


def annotation(source: Source, node: ast.expr) -> Any:
    """The type that an annotation stands for. Raises SignatureError."""
    return _Reader(source).read(node)


class _Reader:
    """Reads one annotation; remembers which aliases it is inside of, so that a circle of them ends."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.inside: list[str] = []

    def read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=str(text)):
                return self.read(self._quoted(node, text))
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return Union[self.read(left), self.read(right)]  # noqa: UP007
            case ast.Subscript(value=origin, slice=inside):
                return self._subscripted(node, self.read(origin), inside)
            case ast.Name() | ast.Attribute():
                return self._word(node)
        raise self._unknown(node)

    def _quoted(self, node: ast.expr, text: str) -> ast.expr:
        try:
            quoted = ast.parse(text, mode="eval").body
        except SyntaxError as error:
            raise self._unknown(node) from error
        for part in ast.walk(quoted):
            ast.copy_location(part, node)
        return quoted

    def _word(self, node: ast.Name | ast.Attribute) -> Any:
        if isinstance(node, ast.Name) and node.id in self.source.assignments:
            return self._alias(node, node.id)
        name = self.source.dotted(node)
        if name in WORDS:
            return WORDS[name]
        raise self._unknown(node)

    def _alias(self, node: ast.expr, name: str) -> Any:
        if name in self.inside:
            raise _refusal(self.source, node, "is defined by itself")
        self.inside.append(name)
        read = self.read(self.source.assignments[name])
        self.inside.pop()
        return read

    def _subscripted(self, node: ast.Subscript, origin: Any, inside: ast.expr) -> Any:
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        arguments: tuple[Any, ...]
        if origin is Literal:
            arguments = tuple(constant(self.source, part) for part in parts)
        elif origin is Annotated:
            arguments = (self.read(parts[0]), *(self._bound(part) for part in parts[1:]))
        else:
            arguments = tuple(self._argument(part) for part in parts)
        if origin is Optional:
            return Union[(*arguments, None)]
        try:
            return origin[arguments if len(arguments) != 1 else arguments[0]]
        except TypeError as error:
            raise self._unknown(node) from error

    def _argument(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and node.value is Ellipsis:
            return Ellipsis
        return self.read(node)

    def _bound(self, node: ast.expr) -> Any:
        """A bound with constant arguments: `Ge(0)`, `Len(min_length=1)`."""
        name = self.source.dotted(node.func) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or name not in WORDS or not name.endswith((*_BOUNDS, ".Of")):
            raise _refusal(self.source, node, f"is not a call of {', '.join(_BOUNDS)}, Of")
        bound: Callable[..., Any] = WORDS[name]
        positional = [constant(self.source, value) for value in node.args]
        keywords = {str(word.arg): constant(self.source, word.value) for word in node.keywords}
        try:
            return bound(*positional, **keywords)
        except TypeError as error:
            raise _refusal(self.source, node, str(error)) from error

    def _unknown(self, node: ast.expr) -> SignatureError:
        return _refusal(
            self.source,
            node,
            "is not a type that can be read without importing: use int, float, bool, str, None, list, tuple, "
            "dict, Literal, Any, unions, Annotated with bounds, and the names of genframe.annotations",
        )


def _refusal(source: Source, node: ast.expr, reason: str) -> SignatureError:
    return SignatureError(f"`{ast.unparse(node)}` {reason}", source.mark(node))
