"""Checks, what they are made on, and what comes of them.

A check is a function of a subject (a component, a plugin or a recipe that a plugin ships). It returns where all is
well, raises `Failure` with what was expected and what came, or `NotApplicable` where it has nothing to ask.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol, TypeVar

from genframe.errors import PluginError, Problem, nearest
from genframe.kinds import KINDS
from genframe.registry import Plugin, Registry

LEVEL = 1
"""The highest level there is. A level once released keeps its checks: new ones join a new level."""

EVERY = "*"
"""The checks of this kind are made on components of every kind."""


class Failure(AssertionError):
    """A component does not do what its kind promises."""

    def __init__(self, expected: str, *, came: str, hint: str = "") -> None:
        text = f"expected: {expected}\ncame: {came}"
        super().__init__(f"{text}\nhint: {hint}" if hint else text)
        self.expected, self.came, self.hint = expected, came, hint


class NotApplicable(Exception):
    """A check has nothing to ask of this component; the reason is reported."""


class CheckSubject(Protocol):
    """What a check is made on. `kind` and `name` head the ids of its checks."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Check:
    """One question to each component of some kinds; `summary` is the question."""

    name: str
    kinds: frozenset[str]
    level: int
    summary: str
    function: Callable[[Any], None] = field(repr=False)

    def asks(self, subject: CheckSubject) -> bool:
        component = subject.kind in KINDS
        return subject.kind in self.kinds or (component and EVERY in self.kinds)


_CHECKS: dict[str, Check] = {}
_Function = TypeVar("_Function", bound=Callable[..., None])


def check(*kinds: str, level: int = 1) -> Callable[[_Function], _Function]:
    """Make a function a check of components of `kinds` (`EVERY`, names of KINDS, "plugin" or "recipe").

    Its name is the check's, the first line of its docstring what it asks.
    """
    unknown = set(kinds) - {*KINDS, EVERY, "plugin", "recipe"}
    if unknown or not kinds:
        raise ValueError(f"a check names its kinds, and {sorted(unknown)} are none")

    def register(function: _Function) -> _Function:
        name = function.__name__
        if name in _CHECKS or not function.__doc__:
            raise ValueError(f"the check {name!r} is there already, or has no docstring")
        summary = function.__doc__.strip().partition("\n")[0]
        _CHECKS[name] = Check(name, frozenset(kinds), level, summary, function)
        return function

    return register


def checks(level: int = LEVEL) -> tuple[Check, ...]:
    """Every check of a level and those below it, in the order of their modules. Raises PluginError."""
    from genframe.testing import checks as modules  # imports torch, and fills the table

    assert modules.__all__
    if type(level) is not int or not 1 <= level <= LEVEL:
        message = (
            f"the conformance kit of this genframe has the levels 1 to {LEVEL}, and {level!r} was asked for"
        )
        raise PluginError(Problem("GF327", message, command="pip install --upgrade genframe"))
    return tuple(check for check in _CHECKS.values() if check.level <= level)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check of a component.

    outcome: `passed`, `failed`, `skipped` (it does not apply: the message says why), `expected` (it failed, as was
    foretold) or `unexpected` (it passed, though a failure was foretold).
    """

    id: str
    kind: str
    component: str
    check: str
    outcome: str
    message: str
    seconds: float
    summary: str

    @property
    def good(self) -> bool:
        return self.outcome not in ("failed", "unexpected")


@dataclass(frozen=True, slots=True)
class Trial:
    """One check of one subject."""

    check: Check
    subject: CheckSubject

    @property
    def id(self) -> str:
        subject = self.subject
        head = subject.kind if subject.kind == "plugin" else f"{subject.kind}/{subject.name}"
        return f"{head}:{self.check.name}"

    def run(self) -> None:
        """Make the check under a seed of its own. Raises what it raises, above all Failure and NotApplicable."""
        import torch

        from genframe.testing.surroundings import preserved

        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices=devices), preserved():
            torch.manual_seed(0)
            torch.set_num_threads(1)  # toys are small, and on a busy machine threads wait for each other
            self.check.function(self.subject)

    def result(self, foretold: str | None) -> Result:
        """The same as a value: nothing that the component raises gets out."""
        started = time.perf_counter()
        outcome, message = "passed" if foretold is None else "unexpected", foretold or ""
        try:
            self.run()
        except NotApplicable as reason:
            outcome, message = "skipped", str(reason)
        except (Exception, SystemExit) as error:
            outcome = "failed" if foretold is None else "expected"
            message = str(error) if isinstance(error, Failure) else told(error)
        seconds = time.perf_counter() - started
        subject, name = self.subject, self.check.name
        return Result(
            self.id, subject.kind, subject.name, name, outcome, message, seconds, self.check.summary
        )


def told(error: BaseException) -> str:
    """An error that is no Failure: its kind and text, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/torch/" not in frame.filename]
    place = f"\nat {own[-1].filename}:{own[-1].lineno}: {own[-1].line}" if own else ""
    return f"{type(error).__name__}: {error}{place}"


@dataclass(frozen=True, slots=True)
class Suite:
    """The checks of one plugin."""

    plugin: Plugin
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, plugin: str | Path, level: int = LEVEL, registry: Registry | None = None) -> Suite:
        """The suite of an installed plugin, or of a plugin file. Raises PluginError where there is none."""
        from genframe.testing.subject import subjects

        found, known = _found(plugin, registry)
        every = checks(level)
        trials = [Trial(c, subject) for subject in subjects(found, known) for c in every if c.asks(subject)]
        return cls(found, tuple(trials))

    def require_known(self, expected_failures: Mapping[str, str]) -> None:
        """Raise PluginError where an expected failure names no check of this plugin."""
        ids = [trial.id for trial in self.trials]
        for name in expected_failures:
            if name not in ids:
                message = f"the plugin {self.plugin.status.name!r} has no check {name!r} that could be expected to fail"
                raise PluginError(Problem("GF326", message, nearest=nearest(name, ids)))


def check_plugin(
    plugin: str | Path,
    *,
    level: int = LEVEL,
    expected_failures: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    registry: Registry | None = None,
) -> Iterator[Result]:
    """Make the checks of a plugin (by its name, or a plugin file), and give their results as they come.

    expected_failures: ids of checks that are known to fail, with the reason; one that passes is `unexpected`.
    only: patterns such as `noise/*` or `*:runs_in_bf16`; ids that match none are left out. Raises PluginError for a
    plugin that is not there; one that is broken fails its check `plugin:loads`.
    """
    suite = Suite.of(plugin, level, registry)
    foretold = dict(expected_failures or {})
    suite.require_known(foretold)
    for trial in suite.trials:
        if not only or any(fnmatchcase(trial.id, pattern) for pattern in only):
            yield trial.result(foretold.get(trial.id))


def _found(plugin: str | Path, registry: Registry | None) -> tuple[Plugin, Registry]:
    """The plugin, and the registry that holds it. Raises PluginError."""
    from genframe.discovery import discover

    known = registry or discover()
    name = str(plugin)
    if isinstance(plugin, Path) or name.endswith(".py"):
        known = known.with_files([Path(name)])
        name = Path(name).stem
    plain = name.replace("_", "-")
    loaded = [p for p in known.loaded if p.status.name.replace("_", "-") == plain]
    if loaded:
        return min(loaded, key=lambda p: not p.status.ok), known
    near = nearest(name, [status.name for status in known.plugins])
    problem = Problem("GF305", f"there is no plugin {name!r}", nearest=near, command="genframe plugins list")
    raise PluginError(problem)
