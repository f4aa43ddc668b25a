"""The one training loop, for any number of players."""

from __future__ import annotations

import math
import signal
import threading
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
from genframe.engine.devices import choose_device
from genframe.engine.journal import Journal, Saved, failed
from genframe.engine.metrics_log import MetricsLog, cut_back, rows, standard
from genframe.engine.needs import require_memory, require_support
from genframe.engine.outputs import Outputs
from genframe.engine.previews import Previews
from genframe.engine.progress import Progress, QuietProgress, UntilGone
from genframe.engine.step import Stepper
from genframe.errors import Problem, RecipeError, RunError, Stopped
from genframe.explain import explained
from genframe.live.state import Outlook
from genframe.lock import lock_facts, used_code
from genframe.locked import Lock, checked, code_changes
from genframe.plan import Plan
from genframe.recipe.model import Recipe
from genframe.recipe.resolve import resolved, resolved_yaml
from genframe.run import PLAN, RESOLVED, Run
from genframe.tracking import Say, Trackers

CHECKPOINT_STEPS = 500
"""By default a checkpoint is written at the end of an epoch, but no more often than this many steps."""

Ended = Callable[[Run, "Training | None", Progress], None]
"""What is called while the run is still locked and its training at hand: to write a report, say."""


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the end of a machine's time, and a connection that was lost: each lets a training save itself."""


def train(
    recipe: Recipe,
    folder: Path | None = None,
    *,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    locked: Lock | None = None,
    ended: Ended | None = None,
    said: Say | None = None,
) -> Path:
    """Train a recipe in a new run folder, and return it.

    said: is told what trackers say at the end, rather than `progress`.
    Raises RecipeError before anything is written, and LockError where a training would differ from `locked`;
    RunError or Stopped after everything was saved.
    """
    process.tune()
    training = Training.prepared(recipe)
    require_memory(training.plan, training.device)
    training.stepper.build_optimizers()
    unfit = require_support(training.plan, training.feeds)
    training.trackers = Trackers.of(recipe.track)
    shown = UntilGone(progress or QuietProgress())
    training.said = said
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
        shown = UntilGone(progress or QuietProgress())
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
        over = found is not None and step >= training.total
        if overrides and not over:
            # What the run trains from now on: for a later resume too, and for all that read the run.
            run.write_text(RESOLVED, resolved_yaml(recipe))
            run.write_json(PLAN, standard(explained(training.plan)))
        run.record_resume(overrides, step, changes)
        for change in changes:
            warn(f"the code differs from that of the training: {change}")
        cut_back(run.metrics, step)
        if over:
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
    said: Say | None = None

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
        step = found.step if found else 0
        journal = Journal(self.plan, self.stepper, run, self.trackers, progress, step)
        if found is not None:
            best = found.manifest.get("best")
            self.best = (int(best[0]), float(best[1])) if best else None
            journal.replay(rows(run.metrics))
        else:
            self._begin()

        def shown(name: str, step: int, path: Path) -> None:
            self.trackers.picture(name, step, path)
            progress.picture(name, step, path)

        previews = Previews(self.outputs, self.feeds, run, self.plan.recipe.train.samples.n, shown)
        outlook = self.outlook(step, run)
        progress.start(outlook, rows(run.metrics) if step else ())
        run.log(str(outlook))

        def warn(line: str, more: str) -> None:
            run.log(f"warning: {line}\n{more}")
            progress.message(f"warning: {line}")

        said: list[str] = []
        followed = self.trackers.following(run.folder, resolved(self.plan.recipe), step, warn, said.append)
        try:
            with followed, MetricsLog(run.metrics) as metrics, _signals() as caught:
                journal.open(metrics)
                self._loop(step, run, journal, previews, progress, caught)
        finally:
            progress.finish()
            for line in said:
                (self.said or progress.message)(line)

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
        journal: Journal,
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
                raise failed(f"step {step + 1} was refused: {error}", run, "wires") from error
            done = step + 1
            progress.tick(done)
            stopping = bool(caught)  # looked at once: a signal that comes later waits for the next step
            ends = done == total or stopping
            save = done % saving == 0 or ends
            drawn = done % sampling == 0 or done == total
            if save or done % log_every == 0:
                journal.note(done)
            if save:
                validation = self._validate(step)
                journal.write(done, Saved.of(self.plan, validation, self.outputs, self.feeds))
            elif drawn or journal.due(done):
                journal.write(done)
            if drawn:
                previews.draw(done)
            if save:
                self._save(done, run, journal, validation)
            if stopping:
                raise self._stopped(caught[0], done, run)
        run.log(f"finished at step {total}")

    def _every(self, span: Any) -> int:
        if span is not None:
            return max(1, int(span.in_steps(self.steps_per_epoch)))
        return self.steps_per_epoch * math.ceil(CHECKPOINT_STEPS / self.steps_per_epoch)

    def _require_finite_weights(self, done: int, run: Run) -> None:
        """A finite term may have a gradient that is not; the weights would show it a step later, once saved."""
        for side in self.stepper.sides:
            bad = [name for name, p in side.parameters.items() if not bool(torch.isfinite(p).all())]
            if bad:
                message = f"{bad[0]!r} is not finite after step {done}, though every term was: a gradient of "
                message += f"{', '.join(side.weights)} is not"
                raise failed(message, run, f"players.{side.name}")

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

    def _save(self, done: int, run: Run, journal: Journal, validation: Mapping[str, float]) -> None:
        self._require_finite_weights(done, run)
        total = validation.get("total")
        if total is not None and (self.best is None or total < self.best[1]):
            self.best = (done, total)
        journal.sync()
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
    """Within, the signals of STOPPING are noted: the step is finished and the run saved. A second one acts at once.

    One that is ignored from outside, as nohup has it with SIGHUP, stays ignored.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {n: old for n in STOPPING if (old := signal.getsignal(n)) is not signal.SIG_IGN}

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
