"""What is known of a training: fed by the loop that runs it, or by the files of its run, with the same events."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genframe.live.course import Course
from genframe.live.pace import Pace

_BEGINS = re.compile(
    r"training from step (?P<step>\d+) to (?P<total>\d+)(?: on (?P<device>[\w:]+))?"
    r"(?:, (?P<epoch>\d+) steps an epoch)?(?:, a checkpoint every (?P<cycle>\d+))?"
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a training sets out to do. As text it is a line of the run's log, from which `read` has it back.

    epoch: the steps of one. cycle: the steps from one checkpoint to the next. began: Unix seconds.
    """

    step: int
    total: int
    device: str = ""
    epoch: int = 0
    cycle: int = 0
    recipe: str = ""
    folder: Path | None = None
    began: float = field(default_factory=time.time)

    def __str__(self) -> str:
        text = f"training from step {self.step} to {self.total} on {self.device or 'cpu'}"
        text += f", {self.epoch} steps an epoch" if self.epoch else ""
        return text + (f", a checkpoint every {self.cycle}" if self.cycle else "")

    @classmethod
    def read(cls, line: str, began: float, recipe: str, folder: Path) -> Outlook | None:
        """From a line of the log; None for another line."""
        if not (told := _BEGINS.match(line)):
            return None
        counts = {name: int(told[name] or 0) for name in ("step", "total", "epoch", "cycle")}
        return cls(**counts, device=told["device"] or "", recipe=recipe, folder=folder, began=began)

    @property
    def epochs(self) -> int | None:
        return math.ceil(self.total / self.epoch) if self.epoch else None


class State:
    """A training, as far as it has come: the latest row and the course of each term, alarms, pictures, pace.

    afterwards: seconds that measuring the run after its last step is expected to take; None where nothing follows, NaN
    where nobody knows.
    """

    def __init__(self, afterwards: float | None = None) -> None:
        self.afterwards = afterwards
        self.outlook = Outlook(0, 0)
        self.step = 0
        self.row: Mapping[str, Any] = {}
        self.terms: dict[str, float] = {}
        self.weighted: dict[str, float] = {}  # by `player.term`
        self.shares: dict[
            str, float
        ] = {}  # of the gradient, by `player.term`: the mean over the components it teaches
        self.validation: dict[str, float] = {}
        self.rates: dict[str, float] = {}  # by player, as the next two
        self.gradients: dict[str, float] = {}
        self.updates: dict[str, float] = {}
        self.courses: dict[str, Course] = {}
        self.loads: dict[str, float] = {}  # how much a term has weighed so far: the mean of |weighted|
        self.ringing: dict[str, str] = {}
        self.since: dict[str, int] = {}
        self.last_alarm = ""
        self.pictures: dict[str, tuple[int, Path]] = {}
        self.ended = ""
        self._rows = 0
        self._pace = Pace(0, 0, 0.0)

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        """A training begins, or goes on after the rows `past`."""
        self.__init__(self.afterwards)  # type: ignore[misc]
        self.outlook, self.step = outlook, outlook.step
        self._pace = Pace(outlook.total, outlook.step, outlook.began, outlook.cycle)
        for row in past:
            if row["step"] > outlook.step:  # of this session, which is looked at from outside
                self.update(row)
            else:
                self._take(row)

    def tick(self, step: int) -> None:
        """`step` steps are made."""
        self.step = step

    def update(self, row: Mapping[str, Any]) -> None:
        """A row of metrics.jsonl was written."""
        self._take(row)
        step = int(row["step"])
        self.step = max(self.step, step)  # rows may be written some steps later
        self._pace.tick(step, float(row.get("time") or time.time()))

    def picture(self, name: str, step: int, path: Path) -> None:
        """A picture of an output was written."""
        if step >= self.pictures.get(name, (1, path))[0]:  # those of step 0 are of the data
            self.pictures[name] = (step, path)

    def end(self, how: str) -> None:
        """Nothing more will come, and why."""
        self.ended = how

    @property
    def epoch(self) -> int:
        """1-based; 0 where it is not known."""
        each = self.outlook.epoch
        return (max(self.step, 1) - 1) // each + 1 if each else int(self.row.get("epoch", 0))

    @property
    def speed(self) -> float | None:
        """Images a second."""
        found = self.row.get("images_per_second")
        return float(found) if isinstance(found, int | float) else None

    @property
    def remaining(self) -> float | None:
        """Seconds until everything is done: the steps, what lies between them, and what is measured afterwards."""
        steps = self._pace.remaining(self.step)
        known = self.afterwards is not None and math.isfinite(self.afterwards)
        return steps + self.afterwards if steps is not None and known and self.afterwards else steps

    @property
    def preview(self) -> tuple[str, int, Path] | None:
        """The newest picture of samples; where a recipe draws none, of another output."""
        if not self.pictures:
            return None
        name = "sample" if "sample" in self.pictures else next(iter(self.pictures))
        return name, *self.pictures[name]

    @property
    def players(self) -> dict[str, list[str]]:
        """Each player's terms, parts (`kl/rate`) behind the term that they are of; under "" those of nobody."""
        groups: dict[str, list[str]] = {player: [] for player in self.rates}
        for key in self.weighted:
            player = max(
                (p for p in groups if key.startswith(f"{p}.")), key=len, default=key.partition(".")[0]
            )
            groups.setdefault(player, []).append(key[len(player) + 1 :])
        parts: dict[str, list[str]] = {}
        for name in self.terms:
            parts.setdefault(name.partition("/")[0], []).append(name)
        taken: set[str] = set()
        for player, terms in groups.items():
            groups[player] = [n for term in terms for n in dict.fromkeys([term, *parts.get(term, ())])]
            taken.update(groups[player])
        rest = [name for name in self.terms if name not in taken]
        return groups | ({"": rest} if rest else {})

    def _take(self, row: Mapping[str, Any]) -> None:
        """What a row tells, whichever session wrote it."""
        self.row, self._rows = row, self._rows + 1
        for name, value in row.get("terms", {}).items():
            self.terms[name] = value
            self.courses.setdefault(name, Course()).add(value)
        for key, value in row.get("weighted", {}).items():
            before = self.loads.get(key, abs(value))
            self.loads[key] = before + (abs(value) - before) / self._rows
            self.weighted[key] = value
        for player, components in row.get("gradient_share", {}).items():
            for term in {term for terms in components.values() for term in terms}:
                found = [terms[term] for terms in components.values() if term in terms]
                self.shares[f"{player}.{term}"] = sum(found) / len(found)
        for kept, column in (
            (self.validation, "validation"),
            (self.rates, "lr"),
            (self.gradients, "gradient_norm"),
            (self.updates, "update"),
        ):
            kept.update(row.get(column, {}))
        self._hear(row.get("alarms", {}), int(row["step"]))

    def _hear(self, alarms: Mapping[str, str], step: int) -> None:
        for name in self.ringing.keys() - alarms.keys():
            self.last_alarm = f"{name}, from step {self.since[name]:,} until {step:,}: {self.ringing[name]}"
        self.ringing = dict(alarms)
        self.since = {name: self.since.get(name, step) for name in alarms}
