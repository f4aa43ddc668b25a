"""What of the public API goes, and when: one file to read before a release. Nothing does yet.

A deprecated thing keeps working until the version named here, with a warning that points at the plugin's own
line; then it raises. Python shows a DeprecationWarning to nobody but `__main__`, so that users are left alone;
pytest shows it to whoever tests a plugin, and `genframe plugins list`, `check` and `doctor` show it always.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


class GenframeDeprecationWarning(DeprecationWarning):
    """A plugin uses what a later genframe will not have."""


@dataclass(frozen=True, slots=True)
class Api:
    """A version of the plugin API: the first genframe that takes it, and the one that will not any more."""

    since: str
    until: str = ""


APIS: Mapping[int, Api] = {1: Api(since="0.1")}
"""Every version of the plugin API that this genframe takes. All but the newest are deprecated."""

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


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
        self.warn_at(code.co_filename, code.co_firstlineno)

    def warn_at(self, file: str, line: int) -> None:
        """Warn whoever wrote this line."""
        collected = _heard.get()
        if collected is not None:
            collected.append(f"{file}:{line}: {self}")
        warnings.warn_explicit(str(self), GenframeDeprecationWarning, file, line)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect the warnings of a plugin that is being loaded, each with its place, whatever Python shows of them."""
    collected: list[str] = []
    token = _heard.set(collected)
    try:
        yield collected
    finally:
        _heard.reset(token)


def old_api(api: int) -> Deprecation | None:
    """The deprecation of a version of the plugin API; None for the newest."""
    newest = max(APIS)
    if api == newest:
        return None
    instead = f"see plugins/README.md for what changed, and write GENFRAME_API = {newest}"
    return Deprecation(f"plugin API {api}", APIS[newest].since, APIS[api].until, instead)
