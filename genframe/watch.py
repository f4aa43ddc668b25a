"""`watch:`: alarms, which look at a training's figures whenever they are logged, and say what is wrong with them.

What an alarm measures itself it measures on the wires of one step between two rows, as they stand there: nothing is
computed for it that the step does not compute, and nothing waits for the device before the row is written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genframe.binding import required_parameters
from genframe.errors import Problem, RecipeError
from genframe.recipe.model import Instance
from genframe.values import detached

Measured = Mapping[str, float]
"""What an alarm has measured since the last row, by name; empty where its wires were not made."""


@dataclass
class Alarm:
    """One alarm of a recipe. `reads` are the wires that it measures on, in the order of `measure`'s parameters."""

    instance: Instance
    made: Any
    reads: tuple[str, ...]
    fault: str = ""
    rings: str | None = None

    @property
    def name(self) -> str:
        return self.instance.name

    def measure(self, env: Mapping[str, Any]) -> dict[str, Tensor]:
        """Its figures, on the device. Raises whatever the alarm raises."""
        with torch.no_grad():
            return dict(self.made.measure(*(detached(env[name]) for name in self.reads)))

    def look(self, row: Mapping[str, Any]) -> None:
        """Ring, go on ringing, or stop, at a row. One that raises is silent from then on."""
        if self.fault:
            return
        try:
            said = self.made(row, row.get("measured", {}).get(self.name, {}))
            self.rings = None if said is None else str(said)
        except Exception as error:
            self.rings, self.fault = None, f"{type(error).__name__}: {error}"


@dataclass
class Watch:
    """The alarms of one training."""

    alarms: Sequence[Alarm] = ()
    _told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, instances: Iterable[Instance]) -> Watch:
        """A recipe's alarms, built. Raises RecipeError for one that its options do not suit, or that is none."""
        return cls([_built(instance) for instance in instances])

    @property
    def reads(self) -> frozenset[str]:
        """The wires and data fields that some alarm measures on."""
        return frozenset(name for alarm in self.alarms for name in alarm.reads)

    def replay(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Let the alarms see what was logged before a run was resumed; nothing is said twice."""
        for row in rows:
            self.look(row)

    def look(self, row: Mapping[str, Any]) -> list[str]:
        """Let every alarm see a row; lines to say: of those that begin to ring, that stop, or that fail."""
        lines: list[str] = []
        for alarm in self.alarms:
            before = alarm.rings
            alarm.look(row)
            if alarm.fault and alarm.name not in self._told:
                self._told.add(alarm.name)
                lines.append(f"the alarm {alarm.name!r} is muted: it raised {alarm.fault}")
            elif alarm.rings is not None and before is None:
                lines.append(f"alarm {alarm.name} at step {row.get('step')}: {alarm.rings}")
            elif alarm.rings is None and before is not None:
                lines.append(f"alarm {alarm.name} is over at step {row.get('step')}")
        return lines

    @property
    def ringing(self) -> dict[str, str]:
        """What the alarms that ring say, by name."""
        return {alarm.name: alarm.rings for alarm in self.alarms if alarm.rings is not None}


class Glances:
    """What the alarms measure between two rows, each on the first step that makes its wires."""

    def __init__(self, watch: Watch) -> None:
        self.alarms = [alarm for alarm in watch.alarms if alarm.reads]
        self.taken: dict[str, dict[str, Tensor]] = {}
        self._seen: set[str] = set()

    @property
    def wanted(self) -> frozenset[str]:
        """The wires that a step must not let go before they were looked at."""
        return frozenset(name for alarm in self._waiting() for name in alarm.reads)

    def look(self, env: Mapping[str, Any]) -> None:
        """Measure on a step's wires."""
        for alarm in self._waiting():
            if all(name in env for name in alarm.reads):
                try:
                    self.taken[alarm.name] = alarm.measure(env)
                except Exception as error:
                    alarm.fault, self.taken[alarm.name] = f"{type(error).__name__}: {error}", {}
                self._seen.add(alarm.name)

    def take(self, again: bool = True) -> dict[str, dict[str, float]]:
        """Read from the device what was measured since the last call; then forget it, and measure `again` or not."""
        taken, self.taken = self.taken, {}
        if again:
            self._seen.clear()
        return {
            name: {key: float(value) for key, value in values.items()}
            for name, values in taken.items()
            if values
        }

    def _waiting(self) -> list[Alarm]:
        return [alarm for alarm in self.alarms if alarm.name not in self._seen]


def check(
    watch: Watch, value: Callable[[str], Any], known: frozenset[str], pipelines: Collection[str] = ()
) -> tuple[Watch, list[Problem]]:
    """The alarms whose wires a training step makes (`known`), each tried once on the trial's values; and remarks.

    What a shipped pipeline brings is left out, with a remark, where the recipe has not its wires. Raises RecipeError
    for any other that reads what is not there, and for one that fails.
    """
    kept: list[Alarm] = []
    problems: list[Problem] = []
    for alarm in watch.alarms:
        path, missing = f"watch.{alarm.name}", [name for name in alarm.reads if name not in known]
        if missing:
            inherited = alarm.instance.mark.file in pipelines
            problems.append(_missing(alarm, missing[0], path, inherited))
            continue
        kept.append(alarm)
        if alarm.reads:
            problems += _tried(alarm, {name: value(name) for name in alarm.reads}, path)
    RecipeError.collect([problem for problem in problems if problem.severity != "remark"])
    return Watch(kept), problems


def _missing(alarm: Alarm, wire: str, path: str, inherited: bool) -> Problem:
    message = f"the alarm {alarm.name!r} measures on {wire!r}, which no term of a player needs"
    if inherited:
        return Problem("GF527", f"{message}: it is left out", alarm.instance.mark, path, severity="remark")
    message += f": say which wire it is to look at, given: {{{wire}: ...}}, or leave it out, {path}=null"
    return Problem("GF545", message, alarm.instance.mark, path)


def _tried(alarm: Alarm, values: Mapping[str, Any], path: str) -> list[Problem]:
    try:
        figures = alarm.measure(values)
        wrong = [key for key, figure in figures.items() if not isinstance(figure, Tensor) or figure.ndim]
        fault = f"its {wrong[0]!r} is no tensor of one number" if wrong else ""
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if not fault:
        return []
    message = f"the alarm {alarm.name!r} can't measure on {', '.join(alarm.reads)}: {fault}; leave it out, {path}=null"
    return [Problem("GF545", message, alarm.instance.mark, path)]


def _built(instance: Instance) -> Alarm:
    target, path = instance.offer.load(), f"watch.{instance.name}"
    if not inspect.isclass(target) or not _called(target):
        message = f"an alarm is a class that is called with (row, measured), and {instance.offer.name} is not"
        raise RecipeError(Problem("GF535", message, instance.mark, path))
    try:
        made = target(**instance.keywords())
    except Exception as error:
        message = f"{instance.offer.name} could not be built: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF501", message, instance.mark, path)) from error
    measure = getattr(target, "measure", None)
    names = required_parameters(measure) if measure is not None else ()
    return Alarm(instance, made, tuple(str(instance.given.get(name, name)) for name in names))


def _called(target: type) -> bool:
    return any("__call__" in vars(base) for base in target.__mro__)
