"""Every deprecation of the public API, as a constant: one file to read before a release. There is none yet.

A deprecated thing keeps working, with a warning that points at the plugin's own line, until the version named
here; then it raises.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class GenframeDeprecationWarning(DeprecationWarning):
    """A plugin uses what a later genframe will not have."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What is deprecated, since when, until when it works, and what to write instead."""

    what: str
    since: str
    until: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what} is deprecated since genframe {self.since}, until {self.until}: {self.instead}"

    def warn(self, function: Callable[..., Any]) -> None:
        """Warn the author of `function`, with its file and line."""
        code = function.__code__
        category = GenframeDeprecationWarning
        warnings.warn_explicit(str(self), category, code.co_filename, code.co_firstlineno)
