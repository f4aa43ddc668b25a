"""The problems of one recipe, collected so that they are all told at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from genframe.codes import PLUGIN_CODES
from genframe.errors import Mark, PluginError, Problem, RecipeError, nearest

if TYPE_CHECKING:
    from genframe.registry import Offer


class Problems(list[Problem]):
    """A list of problems that are written with few words."""

    def add(
        self,
        code: str,
        message: str,
        mark: Mark | None,
        path: str = "",
        *,
        name: str | None = None,
        known: Iterable[str] = (),
        command: str | None = None,
        related: tuple[tuple[Mark, str], ...] = (),
        severity: str = "error",
    ) -> None:
        """Add one; with `name` and the `known` names it says which was probably meant."""
        near = nearest(name, known) if name is not None else None
        self.append(Problem(code, message, mark, path, near, command, related, severity))

    def remark_on(self, offer: Offer, written: str, mark: Mark | None, path: str) -> None:
        """Remark on a former name, and on a component that is to go."""
        for code, note in (("GF217", offer.alias_note(written)), ("GF218", offer.deprecation_note())):
            if note:
                self.add(code, note, mark, path, severity="remark")

    def raise_errors(self) -> None:
        """Raise PluginError where plugins alone are at fault, else RecipeError, with every error."""
        errors = [problem for problem in self if problem.severity == "error"]
        if errors and all(problem.code in PLUGIN_CODES for problem in errors):
            raise PluginError(*errors)
        RecipeError.collect(errors)

    @property
    def remarks(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self if problem.severity == "remark")
