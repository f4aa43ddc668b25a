"""Bugs put into first-party components, one at a time, which the conformance kit must see."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: in the plugin's `file`, `old` (which stands there once) reads `new`.

    says: words that the failure's message must hold, so that it points at the bug.
    """

    kind: str
    name: str
    plugin: str
    file: str
    old: str
    new: str
    says: str

    def __str__(self) -> str:
        return (
            f"{self.kind}/{self.name}: {' '.join(self.old.split())[:40]} -> {' '.join(self.new.split())[:40]}"
        )


def every() -> list[Mutant]:
    """The mutants of all modules here: each has a list MUTANTS."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [mutant for name in names for mutant in import_module(f"{__name__}.{name}").MUTANTS]
