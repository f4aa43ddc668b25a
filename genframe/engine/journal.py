"""What a training writes down of itself: a row of metrics.jsonl for each logged step.

Rows that follow each other closely are gathered, so that the device is read and the disk written seldom.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genframe.data.feed import Feed
from genframe.engine import checkpoint
from genframe.engine.code_histograms import code_histograms
from genframe.engine.devices import peak_memory
from genframe.engine.metrics_log import MetricsLog
from genframe.engine.outputs import Outputs
from genframe.engine.progress import Progress
from genframe.engine.step import Stepper
from genframe.errors import Problem, RunError
from genframe.plan import Plan
from genframe.run import Run
from genframe.tracking import Trackers

GLANCE_STEPS = 20
"""Gradients, updates and wires are looked at no more often than this, however often rows are written: each look costs
as much as a tenth of a small net's step."""

GATHER_SECONDS = 1.0
"""No row waits longer than this, but for the step that is being made."""

History = Mapping[str, Sequence[tuple[int, float]]]
"""The values of terms, each with the step that made it, counted from 0."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A row that is due after `step` steps, and what only that moment knows."""

    step: int
    time: float
    lr: Mapping[str, float]
    scheduled: Mapping[str, float]


class Journal:
    """Takes note of steps, and writes their rows: to metrics.jsonl, the log, the trackers and the progress shown.

    Its alarms are shown each row that holds a close look at the step.
    """

    def __init__(
        self, plan: Plan, stepper: Stepper, run: Run, trackers: Trackers, progress: Progress, step: int
    ) -> None:
        """`step` steps are made already."""
        self._plan, self._stepper, self._run = plan, stepper, run
        self._trackers, self._progress = trackers, progress
        self._metrics: MetricsLog | None = None
        self._every = plan.recipe.train.log.every
        self._closely = self._every * math.ceil(GLANCE_STEPS / self._every)
        self._marks: list[Mark] = []
        self._clock, self._written = time.perf_counter(), step

    def replay(self, past: Iterable[Mapping[str, Any]]) -> None:
        """Show the alarms the rows of a run that goes on."""
        self._plan.watch.replay(row for row in past if self._looked(row))

    def open(self, metrics: MetricsLog) -> None:
        """Write there from now on, when the first step is made."""
        self._metrics, self._clock = metrics, time.perf_counter()

    def note(self, done: int) -> None:
        """A row is due after `done` steps: keep what will have changed when it is written."""
        now = round(time.time(), 3)
        self._marks.append(Mark(done, now, self._stepper.learning_rates(), self._stepper.schedules(done - 1)))

    def due(self, done: int) -> bool:
        """Whether rows wait that are to wait no longer."""
        late = time.perf_counter() - self._clock > GATHER_SECONDS
        return bool(self._marks) and (done % self._closely == 0 or late)

    def write(self, done: int, saved: Saved | None = None) -> None:
        """Read the terms from the device, check them, and write the rows that wait; the last with what was `saved`.

        Raises RunError (GF701) for a term that is not finite, (GF716) when the disk is full.
        """
        if not self._marks:
            return
        marks, self._marks = self._marks, []
        history = self._stepper.take_history(marks[-1].step)
        self._require_finite(history)
        now = time.perf_counter()
        seen = (done - self._written) * sum(data.batch_size for data in self._plan.recipe.datasets.values())
        speed = round(seen / max(now - self._clock, 1e-9), 1)
        self._clock, self._written = now, done
        facts = {"images_per_second": speed, "memory": peak_memory(self._stepper.device)}
        # A resumed run begins with a look: so must what follows its checkpoint, for both to log the same.
        glances = self._stepper.take_glances(again=saved is not None or done % self._closely == 0)
        rows = [
            self._row(mark, terms, facts) for mark, terms in zip(marks, means(history, marks), strict=True)
        ]
        rows[0] |= glances  # which were taken on the first step
        rows[-1] |= saved.columns() if saved else {}
        for row in rows:
            self._watch(row)
        assert self._metrics is not None
        self._metrics.write(rows)
        for row in rows:
            self._trackers.log(row)
            self._progress.update(row)

    def sync(self) -> None:
        """Wait until all that was written is on the disk."""
        assert self._metrics is not None
        self._metrics.sync()

    def _watch(self, row: dict[str, Any]) -> None:
        watch = self._plan.watch
        for line in watch.look(row) if self._looked(row) else ():
            self._run.log(line)
            self._progress.message(line)
        if watch.ringing:
            row["alarms"] = watch.ringing

    def _row(self, mark: Mark, terms: Mapping[str, float], facts: Mapping[str, Any]) -> dict[str, Any]:
        each = self._stepper.steps_per_epoch
        weighted = {
            f"{side.name}.{term}": terms[term] * side.weight(term, mark.step - 1, each)
            for side in self._stepper.sides
            for term in side.weights
            if term in terms
        }
        row: dict[str, Any] = {"step": mark.step, "epoch": (mark.step - 1) // each + 1, "time": mark.time}
        row |= {"terms": terms, "weighted": weighted, "lr": mark.lr, **facts}
        return row | ({"scheduled": mark.scheduled} if mark.scheduled else {})

    def _looked(self, row: Mapping[str, Any]) -> bool:
        """Whether the alarms are shown a row: each that holds a close look, where not every row does."""
        return self._closely == self._every or not row.keys().isdisjoint(
            ("gradient_norm", "update", "measured")
        )

    def _require_finite(self, history: History) -> None:
        bad = [
            (step, name, value)
            for name, values in history.items()
            for step, value in values
            if not math.isfinite(value)
        ]
        if bad:
            step, name, value = min(bad)
            raise failed(f"the term {name!r} became {value} at step {step + 1}", self._run, f"wires.{name}")


@dataclass(frozen=True, slots=True)
class Saved:
    """What is known at a checkpoint alone: the terms on the validation split, and histograms of codes if asked for."""

    validation: Mapping[str, float]
    histograms: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, plan: Plan, validation: Mapping[str, float], outputs: Outputs, feeds: Mapping[str, Feed]
    ) -> Saved:
        return cls(validation, code_histograms(outputs, feeds) if plan.recipe.train.log.latents else None)

    def columns(self) -> dict[str, Any]:
        """The columns of a row."""
        columns: dict[str, Any] = {"validation": dict(self.validation)} if self.validation else {}
        return columns | ({"histograms": self.histograms} if self.histograms is not None else {})


def failed(what: str, run: Run, path: str) -> RunError:
    """A training that can't go on, logged; with the command that goes back to the last good checkpoint."""
    last = checkpoint.latest(run.checkpoints)
    good = f"the last good checkpoint is {last.path}" if last else "there is no checkpoint before it"
    message = f"{what}; {good}"
    run.log(f"failed: {message}")
    hint = f"genframe resume {run.folder}" if last else None
    return RunError(Problem("GF701", message, path=path, command=hint))


def means(history: History, marks: Sequence[Mark]) -> list[dict[str, float]]:
    """For each row the terms' means over the steps since the row before; none of a term that those did not make."""
    rows: list[dict[str, float]] = [{} for _ in marks]
    for name, values in history.items():
        row, total, count = 0, 0.0, 0
        for step, value in values:
            while step >= marks[row].step:
                if count:
                    rows[row][name] = total / count
                row, total, count = row + 1, 0.0, 0
            total, count = total + value, count + 1
        if count:
            rows[row][name] = total / count
    return rows
