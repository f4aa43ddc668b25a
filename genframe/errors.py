"""What can go wrong, as data: a `Problem` says where, what, and what to do; it is rendered in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

CLOSE = 0.65
"""How alike two names are, of at most 1, from which on one may be meant for the other: `vea` and `vae` are 0.67."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; `_` and `-` are the same."""
    import difflib  # 10 ms that only a mistake costs

    plain = {other.replace("_", "-"): other for other in known if other != name}
    close = difflib.get_close_matches(name[:100].replace("_", "-"), plain, n=1, cutoff=CLOSE)
    return plain[close[0]] if close else None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a source: `file` (a path, or `override 2` for a setting), 1-based line and column."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        """`file:line:column`; of a setting, which is short and shown whole, its name alone."""
        if self.file.startswith("override ") and self.file[9:].isdecimal():
            return self.file
        return f"{self.file}:{self.line}:{self.column}"

    def shifted(self, columns: int, length: int = 1) -> Mark:
        """The place `columns` further right on the same line."""
        return Mark(self.file, self.line, self.column + columns, length)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `code` is stable (`GF201`), `message` one sentence that says what was expected and what came, `path` the
    place in the recipe (`encoder.hidden`), `nearest` the name that was probably meant, `command` the next
    thing to type, `related` further places with a note each.
    """

    code: str
    message: str
    mark: Mark | None = None
    path: str = ""
    nearest: str | None = None
    command: str | None = None
    related: tuple[tuple[Mark, str], ...] = ()
    severity: str = "error"  # or "remark": said, and nothing is stopped

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class GenframeError(Exception):
    """An error that is the user's to mend; the command line prints it without a traceback.

    `texts` holds the sources that are no files (`override 2`, `<recipe>`), by the name that marks give them.
    """

    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems: tuple[Problem, ...] = problems
        self.texts: dict[str, str] = {}
        super().__init__("\n".join(_line(problem) for problem in problems))


class RecipeError(GenframeError):
    """The recipe, an override or another input is invalid."""

    exit_code = 2

    @classmethod
    def collect(cls, problems: Sequence[Problem]) -> None:
        """Raise once, with every error among `problems` in the order of places; remarks do not raise."""
        errors = [p for p in problems if p.severity == "error"]
        if errors:
            raise cls(*sorted(errors, key=_place))


class PluginError(GenframeError):
    """A plugin that is needed is broken, incompatible, blocked or missing."""

    exit_code = 3


class RunError(GenframeError):
    """A run failed: a term that is not finite, a disk that is full, a folder that is taken."""

    exit_code = 1


class LockError(GenframeError):
    """A training would differ from the lock that it is held to."""

    exit_code = 4


class Stopped(GenframeError):
    """A signal stopped the run after it had saved itself; `exit_code` is 128 + the signal's number."""

    def __init__(self, signal_number: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.exit_code = 128 + signal_number


def _place(problem: Problem) -> tuple[str, int, int]:
    mark = problem.mark
    return (mark.file, mark.line, mark.column) if mark else ("", 0, 0)


def _line(problem: Problem) -> str:
    where = f"{problem.mark}: " if problem.mark else ""
    hint = f" Did you mean {problem.nearest!r}?" if problem.nearest else ""
    next_step = f" Try: {problem.command}" if problem.command else ""
    return f"{where}{problem.code}: {problem.message}{hint}{next_step}"
