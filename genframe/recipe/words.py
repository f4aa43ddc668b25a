"""Annotations and values in the words of an error message."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as bounds

from genframe.annotations import Of, Ranged, Relative, Scheduled
from genframe.kinds import KINDS

_SIMPLE = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    type(None): "null",
    Any: "any value",
}
_PLURALS = {
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a list": "lists",
    "a mapping": "mappings",
}
_LISTS = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)


def shown(value: Any, most: int = 60) -> str:
    """A value as a recipe writes it, cut short."""
    match value:
        case None:
            text = "null"
        case bool():
            text = str(value).lower()
        case str():
            text = repr(value[:most])
        case float() if math.isnan(value) or math.isinf(value):
            text = f"{value}".replace("inf", ".inf").replace("nan", ".nan")
        case list() | tuple():
            text = f"[{', '.join(shown(item) for item in value[:20])}{', ...' if len(value) > 20 else ''}]"
        case Mapping():
            inside = ", ".join(f"{key}: {shown(item)}" for key, item in list(value.items())[:20])
            text = f"{{{inside}}}"
        case _:
            text = repr(value)
    return text if len(text) <= most + 2 else f"{text[:most]}..."


def described(annotation: Any) -> str:
    """What an annotation takes: `a number > 0`, `a list of whole numbers`, `one of 'relu', 'tanh'`."""
    if annotation is None:
        return "null"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bounded(args[0], args[1:])
    if origin is Literal:
        choices = ", ".join(shown(arg) for arg in args)
        return f"one of {choices}" if len(args) > 1 else choices
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(described(arg) for arg in args))
    if origin in _LISTS:
        return _list_of(origin, args)
    if origin in _MAPPINGS and len(args) == 2:
        keys = "names" if part_of(annotation) else _plural(args[0])
        return f"a mapping of {keys} to {_plural(args[1])}"
    return _SIMPLE.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _bounded(annotation: Any, marks: Sequence[Any]) -> str:
    parts = [mark for mark in marks if isinstance(mark, Of)]
    words = f"the name or block of a {parts[0].kind}" if parts else described(annotation)
    if any(isinstance(mark, Ranged) for mark in marks):
        words = "a number"
    limits = [limit for mark in marks if (limit := _limit(mark))]
    if limits:
        words = f"{words} {' and '.join(limits)}"
    if any(isinstance(mark, Ranged) for mark in marks):
        words = f"{words}, a range [low, high]"
    if any(isinstance(mark, Scheduled) for mark in marks):
        words = f"{words} or a schedule"
    return words


def _limit(mark: Any) -> str:
    match mark:
        case bounds.Gt(gt=limit):
            return f"> {limit}"
        case bounds.Ge(ge=limit):
            return f">= {limit}"
        case bounds.Lt(lt=limit):
            return f"< {limit}"
        case bounds.Le(le=limit):
            return f"<= {limit}"
        case bounds.MultipleOf(multiple_of=number):
            return f"that is a multiple of {number}"
        case bounds.Len(min_length=least, max_length=most):
            return f"of at least {least}" if most is None else f"of {least} to {most}"
        case bounds.MinLen(min_length=least):
            return f"of at least {least}"
        case bounds.MaxLen(max_length=most):
            return f"of at most {most}"
    return ""


def _list_of(origin: Any, args: tuple[Any, ...]) -> str:
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return f"a list of {len(args)}: {', '.join(described(arg) for arg in args)}"
    return f"a list of {_plural(args[0])}" if args else "a list"


def _plural(annotation: Any) -> str:
    words = described(annotation)
    part = part_of(annotation)
    if part is not None and not part.several:
        return KINDS[part.kind].plural
    for one, several in _PLURALS.items():
        if words.startswith(one):
            return several + words[len(one) :]
    return words


def inner(annotation: Any, step: int | str) -> Any:
    """The annotation of an element of a list or mapping; Any where it has none."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner(args[0], step)
    if origin in _LISTS and args and isinstance(step, int):
        if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
            return args[step] if step < len(args) else Any
        return args[0]
    if origin in _MAPPINGS and len(args) == 2:
        return args[1]
    return Any


def choices(annotation: Any) -> tuple[str, ...]:
    """The words that an annotation takes, for the nearest of them."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return tuple(arg for arg in args if isinstance(arg, str))
    if origin is Annotated:
        return choices(args[0])
    if origin in (Union, types.UnionType):
        return tuple(word for arg in args for word in choices(arg))
    return ()


@dataclass(frozen=True, slots=True)
class PartOption:
    """An option that holds a component of a kind, or `several` of them by names."""

    kind: str
    several: bool = False


def part_of(annotation: Any) -> PartOption | None:
    """What components an annotation takes; None where it takes none."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kinds = [mark.kind for mark in args[1:] if isinstance(mark, Of)]
        return PartOption(kinds[0]) if kinds else part_of(args[0])
    if origin in (Union, types.UnionType):
        return next((found for arg in args if (found := part_of(arg))), None)
    if origin in _MAPPINGS and len(args) == 2:
        inside = part_of(args[1])
        return PartOption(inside.kind, several=True) if inside else None
    return None


def takes_null(annotation: Any) -> bool:
    """Whether null is a value of it."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in (None, type(None), Any):
        return True
    if origin is Annotated:
        return takes_null(args[0])
    if origin is Literal:
        return None in args
    return origin in (Union, types.UnionType) and any(map(takes_null, args))


def marked(annotation: Any, marker: type) -> bool:
    """Whether a marker (`Scheduled`, `Ranged`) stands anywhere in an annotation, outside its elements."""
    if get_origin(annotation) is Annotated:
        first, *marks = get_args(annotation)
        return any(isinstance(mark, marker) for mark in marks) or marked(first, marker)
    if get_origin(annotation) in (Union, types.UnionType):
        return any(marked(arg, marker) for arg in get_args(annotation))
    return False


def is_path(annotation: Any, value: Any) -> bool:
    """Whether a value of an option is a path, and none of the words that the option takes beside paths."""
    return isinstance(value, str) and marked(annotation, Relative) and value not in choices(annotation)


def range_of(annotation: Any) -> Any:
    """The annotation of a `Ranged` option's range."""
    number = number_of(annotation)
    return tuple.__class_getitem__((number, number))


def number_of(annotation: Any) -> Any:
    """The annotation of one end of a `Ranged` or `Scheduled` option: a float with the same bounds."""
    if typing.get_origin(annotation) is not Annotated:
        found = [arg for arg in get_args(annotation) if marked(arg, Ranged) or marked(arg, Scheduled)]
        return number_of(found[0]) if found else float
    limits = tuple(mark for mark in get_args(annotation)[1:] if not isinstance(mark, (Ranged, Scheduled)))
    return Annotated[(float, *limits)] if limits else float
