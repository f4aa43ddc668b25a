"""Who offers what: components by kind and owned name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from genframe.hooks import Component
from genframe.signature import Signature


@dataclass(frozen=True, slots=True)
class Offer:
    """A component, with its kind and its owner."""

    kind: str
    component: Component
    plugin: str
    distribution: str = ""
    version: str = ""
    first_party: bool = False

    @property
    def name(self) -> str:
        """The owned name, `plugin/name`."""
        return f"{self.plugin}/{self.component.name}"

    def signature(self) -> Signature:
        """Givens and options, read from the source without importing it."""
        raise NotImplementedError

    def load(self) -> Any:
        """Import the target."""
        raise NotImplementedError
