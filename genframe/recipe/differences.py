"""How two recipes differ in what they mean: merged, every default in, by full names, path by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from genframe.recipe.model import Recipe
from genframe.recipe.resolve import resolved


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT
"""The value of a path that only the other recipe has."""

_ORDERED = ("players",)
"""Mappings whose order has a meaning: players move in the order of the recipe."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One path with its value in each recipe; a mapping that only one of them has stands whole."""

    path: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """`before` and `after` where there is such a value."""
        values = {"before": self.before, "after": self.after}
        return {"path": self.path} | {key: value for key, value in values.items() if value is not ABSENT}


def differences(before: Recipe, after: Recipe) -> list[Difference]:
    """What has to change in one recipe to get the other, in the order in which one writes a recipe."""
    return settings_differ(resolved(before), resolved(after))


def settings_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """The same of two resolved recipes as plain data."""
    return list(_mappings(before, after, ""))


def _mappings(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Difference]:
    for key in dict.fromkeys((*before, *after)):
        place = f"{path}.{key}" if path else key
        yield from _values(before.get(key, ABSENT), after.get(key, ABSENT), place)
    if path in _ORDERED and list(before) != list(after) and set(before) == set(after):
        yield Difference(path, list(before), list(after))


def _values(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(before, after, path)
    elif before != after or type(before) is not type(after):
        yield Difference(path, before, after)
