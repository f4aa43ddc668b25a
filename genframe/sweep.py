"""A sweep: trials of a recipe under several settings, each a process and a run of its own in the sweep's folder.

    sweeps/vae-digits-1a2b3c4d/
      sweep.json  0-prior.dim=2/  0-prior.dim=2.log  1-prior.dim=8/  ...

What is there already goes on: the same sweep again leaves out what is finished, resumes what was interrupted and tries
again what failed. Torch-free: only the trials import it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from genframe import durable
from genframe.errors import Problem, RunError, Stopped
from genframe.run import FACTS
from genframe.runs import facts_of
from genframe.sweep_space import SEED, Settings

FILE = "sweep.json"


@dataclass(frozen=True, slots=True)
class Trial:
    """One of a sweep's runs: its settings, and where it lies."""

    number: int
    settings: Settings
    varied: Settings
    folder: Path

    @property
    def log(self) -> Path:
        """What its processes print."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def facts(self) -> dict[str, Any]:
        """How it stands: `state` (waiting, running, finished, failed ...), step, figures, and why it failed."""
        facts: dict[str, Any] = {"trial": self.number, "settings": dict(self.varied), "run": str(self.folder)}
        if not (self.folder / FACTS).exists():
            state = "failed" if self.log.exists() else "waiting"
            return {**facts, "state": state, "step": 0, "figures": {}, "error": self._error()}
        run = facts_of(self.folder)
        error = run.fault or (self._error() if run.state == "failed" else "")
        return {**facts, "state": run.state, "step": run.step, "figures": run.figures, "error": error}

    def _error(self) -> str:
        """The last line that it printed."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


@dataclass
class Sweep:
    """The trials of a recipe. `more` are options that every `genframe train` gets, `metrics` what each is measured by.

    told: hears of each trial that begins or ends, in a line.
    """

    recipe: str
    folder: Path
    trials: Sequence[Trial]
    more: Sequence[str] = ()
    files: Sequence[str] = ()
    evaluate: bool = True
    metrics: Sequence[str] = ()
    told: Callable[[str], None] = lambda line: None
    _stopped: Event = field(default_factory=Event)
    _alive: set[subprocess.Popen[bytes]] = field(default_factory=set)

    @classmethod
    def of(cls, recipe: str, folder: Path, settings: Sequence[Settings], **more: Any) -> Sweep:
        """Trials by number; folders are named after what differs between them."""
        keys = {key for trial in settings for key, _ in trial}
        varied = [key for key in keys if len({dict(trial)[key] for trial in settings}) > 1]
        width = len(str(max(len(settings) - 1, 0)))
        trials = []
        for number, trial in enumerate(settings):
            differs = tuple((key, value) for key, value in trial if key in varied)
            name = "-".join([f"{number:0{width}}", *(f"{key}={value}" for key, value in differs)])
            where = folder / re.sub(r"[^A-Za-z0-9_.=+-]+", "_", name)[:100]
            trials.append(Trial(number, trial, differs, where))
        return cls(recipe, folder, trials, **more)

    def begin(self) -> None:
        """Make the folder. Raises RunError (GF711) where another sweep lies there."""
        said = self._said()
        path = self.folder / FILE
        if path.exists():
            there = json.loads(path.read_text())
            shared = min(len(there["trials"]), len(said["trials"]))
            if there["recipe"] != said["recipe"] or there["trials"][:shared] != said["trials"][:shared]:
                message = f"{self.folder} holds another sweep, of {there['recipe']}: choose a folder of its own (--dir)"
                raise RunError(Problem("GF711", message))
        elif self.folder.exists() and any(self.folder.iterdir()):
            raise RunError(Problem("GF711", f"{self.folder} is no sweep and not empty"))
        with durable.reported("a sweep", self.folder.parent):
            self.folder.mkdir(parents=True, exist_ok=True)
            durable.write_bytes(path, json.dumps(said, indent=1).encode() + b"\n")

    def _said(self) -> dict[str, Any]:
        return {"recipe": self.recipe, "trials": [dict(trial.settings) for trial in self.trials]}

    def run(self, jobs: int) -> None:
        """Train and measure what is not finished, so many trials at once. One that fails stops no other.

        After SIGINT or SIGTERM what runs is told to save itself, and Stopped is raised.
        """
        with self._signals() as caught, ThreadPoolExecutor(jobs) as pool:
            for future in [pool.submit(self._guarded, trial) for trial in self.trials]:
                future.result()
        if caught:
            name = signal.Signals(caught[0]).name
            message = (
                f"the sweep was stopped by {name}; what ran is saved, and the same command goes on with it"
            )
            raise Stopped(caught[0], Problem("GF702", message))

    @contextmanager
    def _signals(self) -> Iterator[list[int]]:
        caught: list[int] = []
        if threading.current_thread() is not threading.main_thread():
            yield caught
            return

        def stop(number: int, frame: FrameType | None) -> None:
            caught.append(number)
            self._stopped.set()
            for process in list(self._alive):
                process.send_signal(number)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield caught
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _guarded(self, trial: Trial) -> None:
        if self._stopped.is_set():
            return
        state = trial.facts()["state"]
        if state == "running":
            self.told(f"trial {trial.number}: another process is at it")
            return
        done = "was done before"
        for words in self._commands(trial, state):
            done = "is done"
            code = self._call(words, trial)
            if self._stopped.is_set():
                return
            if code:
                self.told(f"trial {trial.number} failed: {trial.facts()['error'] or f'exit code {code}'}")
                return
        self.told(f"trial {trial.number} {done}")

    def _commands(self, trial: Trial, state: str) -> Iterator[list[str]]:
        """What is left to do for a trial."""
        files = [word for file in self.files for word in ("-p", file)]
        if state in ("empty", "damaged") or (trial.folder.exists() and not (trial.folder / FACTS).exists()):
            shutil.rmtree(trial.folder)  # it came to nothing
            state = "waiting"
        begun = (trial.folder / FACTS).exists()
        if begun and state != "finished":
            self.told(f"trial {trial.number} goes on: {_words(trial.varied)}")
            yield ["resume", str(trial.folder), "--quiet", *files]
        elif not begun:
            self.told(f"trial {trial.number} begins: {_words(trial.varied)}")
            settings = [f"{key}={value}" for key, value in trial.settings]
            where = ["--run-dir", str(trial.folder), "--quiet"]
            yield ["train", self.recipe, *settings, *where, *self.more, *files]
        if self.evaluate and not (trial.folder / "evaluations.json").exists():
            yield ["evaluate", str(trial.folder), *self.metrics, *files]

    def _call(self, words: Sequence[str], trial: Trial) -> int:
        with trial.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "genframe", *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            self._alive.add(process)
            try:
                return process.wait()
            finally:
                self._alive.discard(process)


def folder_for(name: str, *said: object) -> Path:
    """Where a sweep lies when nobody says: the same for the same one."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return Path("sweeps") / f"{name}-{digest[:8]}"


def repetitions(trials: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Facts of trials that differ in their seed alone, together."""
    found: dict[tuple[tuple[str, str], ...], list[dict[str, Any]]] = {}
    for facts in trials:
        point = tuple((key, value) for key, value in facts["settings"].items() if key != SEED)
        found.setdefault(point, []).append(facts)
    return list(found.values())


def threads(jobs: int) -> None:
    """Let the processes share the cores, unless $OMP_NUM_THREADS says otherwise."""
    if jobs > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))


def _words(settings: Settings) -> str:
    return " ".join(f"{key}={value}" for key, value in settings) or "the recipe as it is"
