"""The one training loop, for any number of players."""

from __future__ import annotations

import math
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from genframe.compiling import compile_plan
from genframe.data.feed import Feed
from genframe.data.spec import DataSpec
from genframe.engine import checkpoint, process, state
from genframe.engine.code_histograms import code_histograms
from genframe.engine.devices import choose_device, peak_memory
from genframe.engine.marks import GATHER_SECONDS, Mark, means
from genframe.engine.metrics_log import MetricsLog, cut_back, rows, standard
from genframe.engine.needs import require_memory, require_support
from genframe.engine.outputs import Outputs
from genframe.engine.previews import Previews
from genframe.engine.progress import Progress, QuietProgress
from genframe.engine.step import Stepper
from genframe.errors import Problem, RecipeError, RunError, Stopped
from genframe.explain import explained
from genframe.live.state import Outlook
from genframe.lock import lock_facts, used_code
from genframe.locked import Lock, checked, code_changes
from genframe.plan import Plan
from genframe.recipe.model import Recipe
from genframe.recipe.resolve import resolved, resolved_yaml
from genframe.run import PLAN, Run
from genframe.tracking import Trackers

CHECKPOINT_STEPS = 500
"""By default a checkpoint is written at the end of an epoch, but no more often than this many steps."""

Ended = Callable[[Run, "Training | None", Progress], None]
"""What is called while the run is still locked and its training at hand: to write a report, say."""

GLANCE_STEPS = 20
"""Gradients, updates and wires are looked at no more often than this, however often rows are written: each look costs
as much as a tenth of a small net's step."""


def train(
    recipe: Recipe,
    folder: Path | None = None,
    *,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    locked: Lock | None = None,
    ended: Ended | None = None,
) -> Path:
    """Train a recipe in a new run folder, and return it.

    Raises RecipeError before anything is written, and LockError where a training would differ from `locked`;
    RunError or Stopped after everything was saved.
    """
    process.tune()
    training = Training.prepared(recipe)
    require_memory(training.plan, training.device)
    training.stepper.build_optimizers()
    unfit = require_support(training.plan, training.feeds)
    training.trackers = Trackers.of(recipe.track)
    shown = progress or QuietProgress()
    facts = training.facts(command)
    remarks = [*recipe.remarks, *training.plan.remarks, *unfit, *(checked(locked, facts) if locked else ())]
    with Run.create(folder, recipe.name) as run:
        run.begin(recipe.written, resolved_yaml(recipe), facts)
        run.write_json(PLAN, standard(explained(training.plan)))
        for remark in remarks:
            run.log(f"remark {remark.code}: {remark.message}")
            if locked and remark.code == "GF732":
                shown.message(f"remark: {remark.message}")
        _to_the_end(training, run, shown, None, ended)
    return run.folder


def resume(
    recipe: Recipe,
    folder: Path,
    overrides: Sequence[str] = (),
    *,
    progress: Progress | None = None,
    ended: Ended | None = None,
) -> Path:
    """Go on with a run from its newest whole checkpoint; `recipe` is its resolved one with the overrides merged.

    Raises RunError when the folder is no run, is being written by another process, or does not fit the recipe.
    """
    process.tune()
    with Run.open(folder, writable=True) as run:
        shown = progress or QuietProgress()
        training = Training.prepared(recipe)
        require_memory(training.plan, training.device)
        training.stepper.build_optimizers()
        training.trackers = Trackers.of(recipe.track)

        def warn(text: str) -> None:
            run.log(f"warning: {text}")
            shown.message(f"warning: {text}")

        found = checkpoint.recover(run.checkpoints, warn)
        step = found.step if found else 0
        if found is not None:
            state.load(found, training.stepper)  # before anything is written: it may not fit the overrides
        changes = [
            str(c) for c in code_changes(run.facts(), used_code(recipe, training.plan.wiring.instances))
        ]
        run.record_resume(overrides, step, changes)
        for change in changes:
            warn(f"the code differs from that of the training: {change}")
        cut_back(run.metrics, step)
        if found is not None and step >= training.total:
            shown.message(f"nothing to do: the run is at step {step}, and {training.total} are asked for")
            run.log(f"nothing to do at step {step} of {training.total}")
            return run.folder
        shown.message(f"going on after step {step}" if found else "no checkpoint yet: starting over")
        _to_the_end(training, run, shown, found, ended)
    return run.folder


def _to_the_end(
    training: Training, run: Run, shown: Progress, found: checkpoint.Checkpoint | None, ended: Ended | None
) -> None:
    """Train; then, however that ended, tell `ended` of the run, and of the training only where it came to its end."""
    tell = ended or (lambda run, training, progress: None)
    try:
        training.run_from(run, shown, found)
    except (RunError, Stopped):
        tell(run, None, shown)
        raise
    tell(run, training, shown)


@dataclass
class Training:
    """A plan at work on a device: its data, its stepper, its clock."""

    plan: Plan
    device: torch.device
    feeds: Mapping[str, Feed]
    stepper: Stepper
    best: tuple[int, float] | None = None
    trackers: Trackers = field(default_factory=Trackers)
    _clock: float = field(default_factory=time.perf_counter)
    _logged: int = 0
    _marks: list[Mark] = field(default_factory=list)

    @classmethod
    def prepared(cls, recipe: Recipe, specs: Mapping[str, DataSpec] | None = None) -> Training:
        """Compile the recipe, choose the device, open the data. Raises RecipeError.

        Datasets that `specs` knows are opened when an example is asked for, and not before.
        """
        plan = compile_plan(recipe, specs)
        device = choose_device(recipe.device)
        feeds = {
            name: Feed(data, plan.datasets[name], recipe.seed, device)
            for name, data in recipe.datasets.items()
        }
        for name, feed in feeds.items():
            feed.wanted = plan.fields(name)
        steps = next(iter(feeds.values())).steps_per_epoch
        made = cls(plan, device, feeds, Stepper(plan, device, steps))
        if recipe.train.log.latents:
            _ = made.outputs["encode"]  # which says so where there is none
        return made

    def facts(self, command: Sequence[str] = ()) -> dict[str, Any]:
        """What `lock.json` says of this training: it reads all the data, for their digest."""
        return lock_facts(
            self.plan.recipe,
            data={name: feed.digest() for name, feed in self.feeds.items()},
            device=str(self.device),
            threads=torch.get_num_threads(),
            command=command,
            instances=self.plan.wiring.instances,
            specs={name: feed.promised for name, feed in self.feeds.items()},
            hardware=torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "",
        )

    @property
    def steps_per_epoch(self) -> int:
        return self.stepper.steps_per_epoch

    @property
    def total(self) -> int:
        """How many steps the recipe asks for."""
        return self.plan.recipe.train.length.in_steps(self.steps_per_epoch)

    @property
    def outputs(self) -> Outputs:
        averages = [side.averages for side in self.stepper.sides if side.averages is not None]
        return Outputs(self.plan, averages)

    def outlook(self, step: int, run: Run) -> Outlook:
        """What a training from this step on sets out to do."""
        recipe = self.plan.recipe
        saving = self._every(recipe.train.checkpoint.every)
        each, device = self.steps_per_epoch, str(self.device)
        return Outlook(step, self.total, device, each, saving, recipe.name, run.folder)

    def batch(self, step: int) -> dict[str, Tensor]:
        """The data wires of a step: `x`, or `scan.x` where there are several datasets."""
        if len(self.feeds) == 1 and "" in self.feeds:
            return self.feeds[""].batch(step)
        return {
            f"{name}.{key}": t for name, feed in self.feeds.items() for key, t in feed.batch(step).items()
        }

    def run_from(self, run: Run, progress: Progress, found: checkpoint.Checkpoint | None) -> None:
        """Train to the end, from a checkpoint that is loaded or from nothing, writing into the run."""
        step = 0
        if found is not None:
            step = found.step
            best = found.manifest.get("best")
            self.best = (int(best[0]), float(best[1])) if best else None
            self.plan.watch.replay(row for row in rows(run.metrics) if self._looked(row))
        else:
            self._begin()

        def shown(name: str, step: int, path: Path) -> None:
            self.trackers.picture(name, step, path)
            progress.picture(name, step, path)

        previews = Previews(self.outputs, self.feeds, run, self.plan.recipe.train.samples.n, shown)
        outlook = self.outlook(step, run)
        progress.start(outlook, rows(run.metrics) if step else ())
        self._clock, self._logged = time.perf_counter(), step
        run.log(str(outlook))

        def warn(line: str, more: str) -> None:
            run.log(f"warning: {line}\n{more}")
            progress.message(f"warning: {line}")

        said: list[str] = []
        followed = self.trackers.following(run.folder, resolved(self.plan.recipe), step, warn, said.append)
        try:
            with followed, MetricsLog(run.metrics) as metrics, _signals() as caught:
                self._loop(step, run, metrics, previews, progress, caught)
        finally:
            progress.finish()
            for line in said:
                progress.message(line)

    def _begin(self) -> None:
        """What offers `begin_from(data)` sees the training split of the first dataset, before a run's first step."""
        data = next(iter(self.feeds.values()))
        for name, module in self.stepper.modules.items():
            instance = self.plan.wiring.instances[name]
            if hasattr(module, "begin_from") and not instance.init:
                try:
                    module.begin_from(data.split("train"))  # type: ignore[operator]
                except ValueError as error:
                    message = f"{instance.offer.name} can't begin from the data: {error}"
                    raise RecipeError(Problem("GF501", message, instance.mark, name)) from error
        for side in self.stepper.sides:
            if side.averages is not None:
                side.averages.begin()

    def _loop(
        self,
        start: int,
        run: Run,
        metrics: MetricsLog,
        previews: Previews,
        progress: Progress,
        caught: list[int],
    ) -> None:
        recipe = self.plan.recipe
        saving = self._every(recipe.train.checkpoint.every)
        sampling = self._every(recipe.train.samples.every) if recipe.train.samples.every else saving
        log_every, total = recipe.train.log.every, self.total
        if start == 0:
            previews.references()
        for step in range(start, total):
            try:
                self.stepper.step(step, self.batch(step))
            except ValueError as error:  # by which a component refuses what it is given
                run.log(traceback.format_exc())
                raise self._failed(f"step {step + 1} was refused: {error}", run, "wires") from error
            done = step + 1
            progress.tick(done)
            stopping = bool(caught)  # looked at once: a signal that comes later waits for the next step
            ends = done == total or stopping
            save = done % saving == 0 or ends
            drawn = done % sampling == 0 or done == total
            if save or done % log_every == 0:
                self._mark(done)
            if save or (self._marks and (drawn or self._due(done))):
                validation = self._validate(step) if save else {}
                self._log(done, run, metrics, progress, validation, save)
            if drawn:
                previews.draw(done)
            if save:
                self._save(done, run, metrics, validation)
            if stopping:
                raise self._stopped(caught[0], done, run)
        run.log(f"finished at step {total}")

    def _every(self, span: Any) -> int:
        if span is not None:
            return max(1, int(span.in_steps(self.steps_per_epoch)))
        return self.steps_per_epoch * math.ceil(CHECKPOINT_STEPS / self.steps_per_epoch)

    def _mark(self, done: int) -> None:
        """Note that a row is due, with what will have changed when it is written."""
        stepper = self.stepper
        mark = Mark(done, round(time.time(), 3), stepper.learning_rates(), stepper.schedules(done - 1))
        self._marks.append(mark)

    def _due(self, done: int) -> bool:
        """Whether rows are to wait no longer."""
        return done % self._closely == 0 or time.perf_counter() - self._clock > GATHER_SECONDS

    def _log(
        self,
        done: int,
        run: Run,
        metrics: MetricsLog,
        progress: Progress,
        validation: Mapping[str, float],
        save: bool,
    ) -> None:
        """Read the terms since the last row from the device, check them, write their means: the rows that are due."""
        history = self.stepper.take_history()
        self._require_finite(history, run)
        now, marks = time.perf_counter(), self._marks
        seen = (done - self._logged) * sum(data.batch_size for data in self.plan.recipe.datasets.values())
        speed = round(seen / max(now - self._clock, 1e-9), 1)
        self._clock, self._logged, self._marks = now, done, []
        memory = peak_memory(self.device)
        # A resumed run begins with a look: so must what follows its checkpoint, for both to log the same.
        glances = self.stepper.take_glances(again=save or done % self._closely == 0)
        rows = [
            self._row(mark, terms, memory, speed)
            for mark, terms in zip(marks, means(history, marks), strict=True)
        ]
        rows[0] |= glances  # which were taken on the first step
        rows[-1] |= {"validation": dict(validation)} if validation else {}
        if save and self.plan.recipe.train.log.latents:
            rows[-1]["histograms"] = code_histograms(self.outputs, self.feeds)
        for row in rows:
            for line in self.plan.watch.look(row) if self._looked(row) else ():
                run.log(line)
                progress.message(line)
            if self.plan.watch.ringing:
                row["alarms"] = self.plan.watch.ringing
        metrics.write(rows)
        for row in rows:
            self.trackers.log(row)
            progress.update(row)

    def _row(
        self, mark: Mark, terms: Mapping[str, float], memory: Mapping[str, float], speed: float
    ) -> dict[str, Any]:
        weighted = {
            f"{side.name}.{term}": terms[term] * side.weight(term, mark.step - 1, self.steps_per_epoch)
            for side in self.stepper.sides
            for term in side.weights
            if term in terms
        }
        epoch = (mark.step - 1) // self.steps_per_epoch + 1
        row = {"step": mark.step, "epoch": epoch, "time": mark.time, "terms": terms, "weighted": weighted}
        row |= {"lr": mark.lr, "images_per_second": speed, "memory": memory}
        return row | ({"scheduled": mark.scheduled} if mark.scheduled else {})

    @property
    def _closely(self) -> int:
        """Rows of these steps are followed by a close look: whole multiples of `log.every`."""
        every = self.plan.recipe.train.log.every
        return every * math.ceil(GLANCE_STEPS / every)

    def _looked(self, row: Mapping[str, Any]) -> bool:
        """Whether the alarms are shown a row: each that holds a close look, where not every row does."""
        every = self.plan.recipe.train.log.every
        return self._closely == every or not row.keys().isdisjoint(("gradient_norm", "update", "measured"))

    def _require_finite(self, history: Mapping[str, Sequence[tuple[int, float]]], run: Run) -> None:
        bad = [
            (step, name, value)
            for name, rows in history.items()
            for step, value in rows
            if not math.isfinite(value)
        ]
        if not bad:
            return
        step, name, value = min(bad)
        raise self._failed(f"the term {name!r} became {value} at step {step + 1}", run, f"wires.{name}")

    def _require_finite_weights(self, done: int, run: Run) -> None:
        """A finite term may have a gradient that is not; the weights would show it a step later, once saved."""
        for side in self.stepper.sides:
            bad = [name for name, p in side.parameters.items() if not bool(torch.isfinite(p).all())]
            if bad:
                message = f"{bad[0]!r} is not finite after step {done}, though every term was: a gradient of "
                message += f"{', '.join(side.weights)} is not"
                raise self._failed(message, run, f"players.{side.name}")

    def _failed(self, what: str, run: Run, path: str) -> RunError:
        last = checkpoint.latest(run.checkpoints)
        good = f"the last good checkpoint is {last.path}" if last else "there is no checkpoint before it"
        message = f"{what}; {good}"
        run.log(f"failed: {message}")
        hint = f"genframe resume {run.folder}" if last else None
        return RunError(Problem("GF701", message, path=path, command=hint))

    def _validate(self, step: int) -> dict[str, float]:
        """The terms on the validation split, weighted as in training; for recipes of one player that have one."""
        feed = next(iter(self.feeds.values()))
        if len(self.stepper.sides) != 1 or len(self.feeds) != 1 or "validation" not in feed.spec.lengths:
            return {}
        sums: dict[str, float] = {}
        count = 0
        with self.outputs.evaluating("validation"):
            for number, batch in enumerate(feed.split("validation").batches(feed.data.batch_size)):
                rows = len(batch["index"])
                for term, value in self.stepper.evaluate_terms(number, batch, "validation").items():
                    sums[term] = sums.get(term, 0.0) + float(value) * rows
                count += rows
        side = self.stepper.sides[0]
        means = {term: total / count for term, total in sums.items()}
        means["total"] = sum(
            means[term] * side.weight(term, step, self.steps_per_epoch) for term in side.weights
        )
        return means

    def _save(self, done: int, run: Run, metrics: MetricsLog, validation: Mapping[str, float]) -> None:
        self._require_finite_weights(done, run)
        total = validation.get("total")
        if total is not None and (self.best is None or total < self.best[1]):
            self.best = (done, total)
        metrics.sync()
        state.save(run.checkpoints, self.stepper, done, {"best": self.best})
        checkpoint.prune(
            run.checkpoints, self.plan.recipe.train.checkpoint.keep, self.best[0] if self.best else None
        )

    def _stopped(self, number: int, done: int, run: Run) -> Stopped:
        name = signal.Signals(number).name
        run.log(f"stopped by {name} at step {done}")
        command = f"genframe resume {run.folder}"
        return Stopped(
            number, Problem("GF702", f"stopped by {name} after step {done}, and saved", command=command)
        )


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Within, SIGINT and SIGTERM are noted: the step is finished and the run saved. A second one acts at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
