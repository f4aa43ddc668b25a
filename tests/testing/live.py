"""The checks of a kind, made on a class or function of a test."""

from __future__ import annotations

from typing import Any

from genframe.hooks import Component
from genframe.registry import Offer, Registry
from genframe.testing.kit import Result, Trial, checks
from genframe.testing.subject import Subject


def results(kind: str, target: Any, **fields: Any) -> dict[str, Result]:
    """Every check that is made of this kind alone, by name. `fields` are those of a Component."""
    component = Component("made", f"tests:{target.__name__}", **fields)
    subject = Subject(Offer(kind, component, "tests", live=target), Registry())
    own = [check for check in checks() if check.kinds == {kind}]
    return {check.name: Trial(check, subject).result(None) for check in own}


def failures(kind: str, target: Any, **fields: Any) -> dict[str, str]:
    """What fails, with its message."""
    made = results(kind, target, **fields)
    return {name: result.message for name, result in made.items() if result.outcome == "failed"}
