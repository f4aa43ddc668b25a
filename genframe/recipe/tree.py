"""YAML as a tree in which every key and value knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genframe.errors import Mark
from genframe.recipe.expression import Scalar


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, a list or a mapping of nodes; `mark` is the value's place and `key` that of its key."""

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    key: Mark | None = None

    @property
    def place(self) -> Mark:
        """Where to point at: the key when there is one."""
        return self.key or self.mark

    def plain(self) -> Any:
        """The value as plain Python data."""
        match self.value:
            case dict():
                return {key: node.plain() for key, node in self.value.items()}
            case list():
                return [node.plain() for node in self.value]
        return self.value
