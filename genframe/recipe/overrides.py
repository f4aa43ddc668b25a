"""`key.path=value` on the command line: the last merge, in which each setting is a small recipe."""

from __future__ import annotations

from dataclasses import replace

from genframe.errors import Mark
from genframe.recipe.load import parse
from genframe.recipe.places import Path, component_at, names_at, written_out
from genframe.recipe.problems import Problems
from genframe.recipe.tree import Node

_FIXED = ("pipeline", "extends")


def file_of(number: int) -> str:
    """What marks call the override of this number, from 1."""
    return f"override {number}"


def is_override(mark: Mark) -> bool:
    """Whether a place is on the command line."""
    return mark.file.startswith("override ")


def override(text: str, number: int, tree: Node, problems: Problems) -> Node | None:
    """The recipe that one setting stands for, to be merged onto `tree`; None where it is wrong.

    The value is YAML; an empty one removes, as `null` does.
    """
    file = file_of(number)
    path_text, equals, value_text = text.partition("=")
    keys = tuple(path_text.strip().split("."))
    if not equals or not all(keys):
        message = f"an override is written key.path=value, not {text[:80]!r}"
        problems.add("GF117", message, Mark(file, 1, 1, max(len(text), 1)))
        return None
    offset = len(path_text) - len(path_text.lstrip())
    marks = list(_marks(file, keys, offset))
    if keys[0] in _FIXED:
        message = f"{keys[0]!r} is settled before any override; write it in a recipe"
        problems.add("GF118", message, marks[0], path_text)
        return None
    found = len(problems)
    value = parse(value_text, file, problems, len(path_text) + 1)
    if len(problems) > found or not _known(tree, keys, marks, problems):
        return None
    node = value or Node(None, Mark(file, 1, len(text)))
    for key, mark in zip(reversed(keys), reversed(marks), strict=True):
        node = Node({key: replace(node, key=mark)}, mark)
    return node


def _marks(file: str, keys: Path, offset: int) -> list[Mark]:
    marks = []
    for key in keys:
        marks.append(Mark(file, 1, offset + 1, len(key)))
        offset += len(key) + 1
    return marks


def _known(tree: Node, keys: Path, marks: list[Mark], problems: Problems) -> bool:
    """Whether what the path leads through is there: a setting of a player that the recipe lacks is a slip.

    Keys of the format itself are checked with the merged recipe, which knows them all.
    """
    node: Node | None = tree
    for depth, key in enumerate(keys[:-1]):
        here = keys[:depth]
        node = written_out(node, here) if node is not None else None
        entries = node.value if node is not None and isinstance(node.value, dict) else {}
        node = entries.get(key)
        if names_at(here) and (node is None or node.value is None):
            message = f"the recipe has no {'.'.join((*here, key))!r}"
            path = ".".join(keys)
            problems.add("GF118", message, marks[depth], path, name=key, known=entries)
            return False
        if component_at((*here, key)):
            return True
    return True
