"""References to the environment, `${env:NAME}`: read where a value is checked, and never shown."""

from __future__ import annotations

import os
import re
from typing import Any

from genframe.recipe.problems import Problems
from genframe.recipe.scalars import ScalarError, resolve
from genframe.recipe.tree import Node

REFERENCE = re.compile(r"\$\{env:([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def refers(value: Any) -> bool:
    """Whether a plain value holds a reference anywhere."""
    match value:
        case str():
            return REFERENCE.search(value) is not None
        case list() | tuple():
            return any(map(refers, value))
        case dict():
            return any(map(refers, value.values()))
    return False


def check_references(node: Node, path: str, problems: Problems) -> bool:
    """Whether every reference in a value can be followed; what can't is a problem that names the variable."""
    found = len(problems)
    if isinstance(node.value, str):
        for match in REFERENCE.finditer(node.value):
            name = match[1]
            mark = node.mark.shifted(match.start(), len(match[0]))
            if not _NAME.fullmatch(name):
                problems.add("GF120", f"{name!r} is not the name of an environment variable", mark, path)
            elif name not in os.environ:
                problems.add(
                    "GF120",
                    f"the environment variable {name} is not set",
                    mark,
                    path,
                    command=f"export {name}=...",
                )
    elif isinstance(node.value, (list, dict)):
        for inside in node.value if isinstance(node.value, list) else node.value.values():
            check_references(inside, path, problems)
    return len(problems) == found


def followed(value: Any, as_scalars: bool) -> Any:
    """A plain value with its references replaced.

    A value that is one reference and nothing else is text, or, `as_scalars`, what YAML makes of that text.
    """
    match value:
        case str():
            text = REFERENCE.sub(lambda match: os.environ[match[1]], value)
            return _scalar(text) if as_scalars and REFERENCE.fullmatch(value) else text
        case list():
            return [followed(item, as_scalars) for item in value]
        case dict():
            return {key: followed(item, as_scalars) for key, item in value.items()}
    return value


def _scalar(text: str) -> Any:
    try:
        return resolve(text)
    except ScalarError:
        return text
