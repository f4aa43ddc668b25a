"""Values against annotations, strictly: "3" is no 3 and true no 1; a list serves a tuple, an int a float."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genframe.recipe.environment import check_references, followed, refers
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.words import choices, described, inner, shown

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError


class _Invalid:
    """The value of what is wrong; the problem is noted."""

    def __bool__(self) -> bool:
        return False


INVALID: Final = _Invalid()


def check_value(node: Node, annotation: Any, path: str, problems: Problems) -> Any:
    """The value that a node gives an annotation, or INVALID with the problems noted at their places.

    References to the environment are followed here; errors show them as they are written.
    """
    plain = node.plain()
    if not refers(plain):
        return _validated(node, plain, annotation, path, problems)
    if not check_references(node, path, problems):
        return INVALID
    for as_scalars in (False, True):
        attempt = Problems()
        value = _validated(node, followed(plain, as_scalars), annotation, path, attempt)
        if value is not INVALID:
            return value
    problems.extend(attempt)
    return INVALID


def beside(node: Node, path: str) -> str:
    """A path as it is meant: relative to the file that it stands in, else to the working directory; absolute."""
    written_in = Path(node.mark.file)
    folder = written_in.parent if written_in.is_file() else Path()
    return str((folder / Path(path).expanduser()).absolute())


def convert(value: Any, annotation: Any) -> Any:
    """A plain value as the annotation has it; the value itself where it does not fit."""
    from pydantic import ValidationError

    try:
        return _adapter(annotation).validate_json(json.dumps(value))
    except (ValidationError, ValueError, TypeError):
        return value


def _validated(node: Node, plain: Any, annotation: Any, path: str, problems: Problems) -> Any:
    from pydantic import ValidationError

    try:
        # JSON, because in it a list is a tuple, and an int a float, for a strict pydantic too
        return _adapter(annotation).validate_json(json.dumps(plain))
    except ValidationError as error:
        _explain(error, node, annotation, path, problems)
    except RecursionError:
        problems.add("GF205", "this nests too deep", node.mark, path)
    return INVALID


@lru_cache(maxsize=512)
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def _explain(error: ValidationError, node: Node, annotation: Any, path: str, problems: Problems) -> None:
    """One problem a place, in words, at the innermost place that the error leads to."""
    told = set()
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place, expected, where = node, annotation, path
        for step in item["loc"]:
            below = _element(place, step)
            if below is None:
                break
            place, expected, where = below, inner(expected, step), f"{where}.{step}"
        if where in told:
            continue
        told.add(where)
        value = place.plain()
        finite = not isinstance(value, float) or value - value == 0
        words = described(expected) if finite else f"{described(expected)} that is finite"
        if expected is Any:
            words = item["msg"]
        name = value if isinstance(value, str) else None
        message = f"expected {words}, got {shown(value)}{_hint(value, words)}"
        problems.add("GF205", message, place.mark, where, name=name, known=choices(expected))


def _element(node: Node, step: int | str) -> Node | None:
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return node.value.get(step) if isinstance(node.value, dict) and isinstance(step, str) else None


def _hint(value: Any, words: str) -> str:
    """What YAML may have misled the writer to."""
    if not isinstance(value, str):
        return ""
    if words.startswith("true or false") and value.lower() in ("on", "yes", "off", "no"):
        return f": in YAML 1.2 {value!r} is a word"
    if words.startswith(("a number", "a whole number")) and value[:1].isdigit():
        return ": quotes make it text" if value.replace(".", "", 1).isdigit() else ""
    return ""
