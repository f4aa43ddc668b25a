"""Blocks with fixed keys: unknown ones are noted with the nearest, values checked against a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from genframe.annotations import Ge, Gt
from genframe.recipe.blocks import entries
from genframe.recipe.load import kind_of
from genframe.recipe.model import Span
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node
from genframe.recipe.values import INVALID, check_value
from genframe.recipe.words import shown


def block(node: Node | None, path: str, known: tuple[str, ...], problems: Problems) -> dict[str, Node]:
    """The entries of a mapping whose keys are `known`; nothing, with a problem, of what is no mapping."""
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        message = f"expected a mapping with {', '.join(known)}, got {kind_of(node)}"
        problems.add("GF205", message, node.mark, path)
        return {}
    for key, inside in node.value.items():
        if key not in known:
            message = f"{path} has no key {key!r}; it takes {', '.join(known)}"
            problems.add("GF201", message, inside.place, f"{path}.{key}", name=key, known=known)
    return {key: inside for key, inside in entries(node).items() if key in known}


def fields(
    written: Mapping[str, Node], table: Mapping[str, Any], path: str, problems: Problems
) -> dict[str, Any]:
    """The values of the keys that a table of annotations knows and that are written and right."""
    values = {
        key: check_value(written[key], annotation, f"{path}.{key}".lstrip("."), problems)
        for key, annotation in table.items()
        if key in written
    }
    return {key: value for key, value in values.items() if value is not INVALID}


def span(node: Node, path: str, problems: Problems, least: int = 0) -> Span | None:
    """A count of steps: `500`, `{steps: 500}` or `{epochs: 2}`."""
    if not isinstance(node.value, dict):
        steps = check_value(node, Annotated[int, Ge(least)], path, problems)
        return Span(steps=steps) if steps is not INVALID else None
    written = block(node, path, ("steps", "epochs"), problems)
    if len(written) != 1:
        message = f"expected steps, {{steps: n}} or {{epochs: n}}, got {shown(node.plain())}"
        problems.add("GF212", message, node.mark, path)
        return None
    above = Gt(0) if least else Ge(0)
    table = {"steps": Annotated[int, Ge(least)], "epochs": Annotated[float, above]}
    values = fields(written, table, path, problems)
    return Span(**values) if values else None
