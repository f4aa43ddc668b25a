"""What a component takes, read from its source without importing it.

Positional parameters are givens (they come from the engine); keyword-only parameters are options (they come
from the recipe).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class _Missing(Enum):
    REQUIRED = "required"


REQUIRED = _Missing.REQUIRED
"""The default of an option that has none."""


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword-only parameter: recipe key (`from` for a parameter `from_`), annotation, default, line in the source."""

    name: str
    annotation: Any
    default: Any = REQUIRED
    line: int = field(default=0, compare=False)

    @property
    def parameter(self) -> str:
        """The Python name of the parameter (`from_` for the option `from`)."""
        import keyword

        return f"{self.name}_" if keyword.iskeyword(self.name) else self.name


@dataclass(frozen=True, slots=True)
class Signature:
    """Givens, optional givens and options of a class's `__init__` or of a function."""

    givens: tuple[str, ...]
    optional_givens: tuple[str, ...]
    options: Mapping[str, Option]
    is_class: bool
    doc: str = field(default="", compare=False)
    file: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
