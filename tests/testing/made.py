"""Components made up in a test, under the checks of their kind: those for all components are left out."""

from __future__ import annotations

from typing import Any

from genframe.hooks import Component
from genframe.registry import Offer, Registry
from genframe.testing.kit import Result, Trial, checks
from genframe.testing.subject import Subject


def results(kind: str, target: Any, modules: tuple[str, ...], **fields: Any) -> dict[str, Result]:
    """The checks of some modules, made on a class or function. `fields` are those of a Component."""
    component = Component("made", f"tests:{target.__name__}", **fields)
    subject = Subject(Offer(kind, component, "tests", live=target), Registry())
    own = [c for c in checks() if c.asks(subject) and c.function.__module__.rpartition(".")[2] in modules]
    return {check.name: Trial(check, subject).result(None) for check in own}


def failures(kind: str, target: Any, modules: tuple[str, ...], **fields: Any) -> dict[str, str]:
    """What fails, with its message."""
    made = results(kind, target, modules, **fields)
    return {name: result.message for name, result in made.items() if result.outcome == "failed"}


def told(found: dict[str, str]) -> str:
    """Failures as one text."""
    return "\n\n".join(f"{name}\n{message}" for name, message in found.items())
