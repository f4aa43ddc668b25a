"""The language of wires: names, attributes, calls, lists and constants; never evaluated as Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Scalar = int | float | bool | str | None


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a string, True, False or None."""

    value: Scalar
    column: int = 0


@dataclass(frozen=True, slots=True)
class Name:
    """A wire, an instance, a dataset, a function or a reserved number. A bare name refers."""

    id: str
    column: int = 0


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field or a method of a value: `q_z.mean`, `loss.critic`, `clean.x`."""

    value: Expression
    name: str
    column: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """Parentheses call. What the call leaves out is found by name."""

    function: Expression
    args: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()
    column: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of expressions: `[k, batch_size]`."""

    items: tuple[Expression, ...]
    column: int = 0


Expression = Constant | Name | Attribute | Call | Listing


class ExpressionError(ValueError):
    """The text is not an expression of wires; `column` (0-based) says where in the text."""

    def __init__(self, message: str, column: int, length: int = 1) -> None:
        super().__init__(message)
        self.message, self.column, self.length = message, column, length


MAX_LENGTH = 2000
MAX_DEPTH = 40


def parse(text: str) -> Expression:
    """Parse one expression.

    Raises ExpressionError with the column for anything outside the language: operators, subscripts, lambdas,
    comprehensions, starred arguments, names with a leading `__`.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters, this one {len(text)}", 0)
    depth = _bracket_depth(text)
    if depth > MAX_DEPTH:
        raise ExpressionError(f"an expression nests at most {MAX_DEPTH} deep, this one {depth}", 0)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        column = max((getattr(error, "offset", 1) or 1) - 1, 0)
        raise ExpressionError(_syntax_message(text), min(column, max(len(text) - 1, 0))) from None
    return _convert(tree)


def signature(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parse a wire's key: `a, _` -> (("a", "_"), ()); `judge(v)` -> (("judge",), ("v",)).

    Raises ExpressionError.
    """
    head, bracket, tail = text.partition("(")
    names = tuple(part.strip() for part in head.split(","))
    params: tuple[str, ...] = ()
    if bracket:
        if not tail.rstrip().endswith(")"):
            raise ExpressionError("the list of arguments is not closed", len(text) - 1)
        inside = tail.rstrip()[:-1].strip()
        params = tuple(part.strip() for part in inside.split(",")) if inside else ()
        if len(names) > 1:
            raise ExpressionError("a wire with arguments has one name", 0, len(head))
    for name in (*names, *params):
        if not name.isidentifier() or name.startswith("__"):
            raise ExpressionError(
                f"{name!r} is not a name: letters, digits and _ make one", 0, max(len(text), 1)
            )
    if len(set(params)) < len(params):
        raise ExpressionError("an argument is named twice", 0, len(text))
    return names, params


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything inside it, outermost first."""
    yield expression
    match expression:
        case Attribute(value=value):
            yield from walk(value)
        case Call(function=function, args=args, keywords=keywords):
            yield from walk(function)
            for inner in args:
                yield from walk(inner)
            for _, inner in keywords:
                yield from walk(inner)
        case Listing(items=items):
            for inner in items:
                yield from walk(inner)


def unparse(expression: Expression) -> str:
    """The expression as one writes it."""
    match expression:
        case Constant(value=value):
            return repr(value)
        case Name(id=name):
            return name
        case Attribute(value=value, name=name):
            return f"{unparse(value)}.{name}"
        case Listing(items=items):
            return f"[{', '.join(map(unparse, items))}]"
        case Call(function=function, args=args, keywords=keywords):
            inside = [unparse(a) for a in args] + [f"{k}={unparse(v)}" for k, v in keywords]
            return f"{unparse(function)}({', '.join(inside)})"


def _convert(node: ast.expr) -> Expression:
    column = node.col_offset
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return Constant(value, column)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return Constant(-value, column)
        case ast.Name(id=name):
            return Name(_checked(name, column), column)
        case ast.Attribute(value=value, attr=name):
            return Attribute(_convert(value), _checked(name, column), column)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return Listing(tuple(map(_convert, items)), column)
        case ast.Call(func=function, args=args, keywords=keywords):
            if any(keyword.arg is None for keyword in keywords):
                raise ExpressionError("** is not part of the language of wires", column)
            pairs = tuple((str(keyword.arg), _convert(keyword.value)) for keyword in keywords)
            return Call(_convert(function), tuple(map(_convert, args)), pairs, column)
    raise ExpressionError(
        f"{_describe(node)} is not part of the language of wires, which has names, attributes, calls, lists "
        "and constants; what computes is a function: write a call",
        column,
        max((node.end_col_offset or column + 1) - column, 1),
    )


def _checked(name: str, column: int) -> str:
    if name.startswith("__"):
        raise ExpressionError(
            f"{name!r}: names with two leading underscores are not reachable", column, len(name)
        )
    return name


def _describe(node: ast.expr) -> str:
    words = {
        ast.BinOp: "an operator",
        ast.UnaryOp: "an operator",
        ast.Compare: "a comparison",
        ast.BoolOp: "and/or",
        ast.Subscript: "a subscript",
        ast.Lambda: "a lambda",
        ast.IfExp: "if/else",
        ast.Starred: "*",
        ast.JoinedStr: "an f-string",
        ast.Dict: "a dict",
    }
    return words.get(type(node), type(node).__name__)


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _syntax_message(text: str) -> str:
    if text.count("(") > text.count(")") or text.count("[") > text.count("]"):
        return (
            f"the expression {text!r} ends inside a bracket; between braces YAML cuts a value at a comma: "
            "quote the expression, or write the wire on a line of its own"
        )
    return f"{text!r} is not an expression"
