"""Runs as they lie in a folder: what they are of, how far they came, what was measured. Torch-free, and quick."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from genframe import evaluations
from genframe.errors import RunError
from genframe.run import FACTS, RESOLVED, Run

STATES = ("running", "finished", "stopped", "failed", "killed", "empty", "damaged")

_TAIL = 64 * 1024  # of a file that is read from its end: some hundred rows or lines
_LOOKED_AT = 20  # runs whose evaluations are read to guess how long one takes
_NAME = re.compile(r"^name: *[\"']?(.+?)[\"']? *$", re.MULTILINE)
_EVALUATE = re.compile(r"^evaluate:\n((?:  .*\n)+)", re.MULTILINE)
_MARKS = {
    "training from step": "killed",  # what ended it could not say so
    "finished at step": "finished",
    "nothing to do": "finished",
    "stopped by": "stopped",
    "failed:": "failed",
}
_GOAL = re.compile(r" training from step \d+ to (\d+)")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run. `step` of `total` were made, `row` is the last of metrics.jsonl, `figures` are by metric and name.

    `metrics` are those of the recipe's own `evaluate:`, in its order.
    """

    folder: Path
    recipe: str
    state: str
    step: int
    total: int | None
    seed: int | None
    changed: datetime
    row: dict[str, Any]
    figures: dict[str, float]
    fault: str = ""
    metrics: tuple[str, ...] = ()

    @property
    def terms(self) -> dict[str, float]:
        """What the players minimise, as last logged; and their parts behind (`objective/rate`)."""
        logged, weighted = self.row.get("terms"), self.row.get("weighted")
        if not isinstance(logged, dict) or not isinstance(weighted, dict):
            return {}
        first = sorted(logged, key=lambda name: not any(key.endswith(f".{name}") for key in weighted))
        return {name: float(logged[name]) for name in first}

    @property
    def headlines(self) -> list[str]:
        """A figure of each metric, the recipe's own first: that of the metric's name, else its first."""
        firsts: dict[str, str] = {}
        for name in self.figures:
            metric = name.partition("/")[0]
            firsts[metric] = metric if metric in self.figures else firsts.get(metric, name)
        own = [metric for metric in self.metrics if metric in firsts]
        return [firsts[metric] for metric in dict.fromkeys([*own, *firsts])]


def found(roots: Iterable[Path]) -> list[RunFacts]:
    """The runs that the folders are or hold, at any depth but not within each other; what changed last stands first."""
    facts = [facts_of(folder) for root in roots for folder in _folders(root)]
    return sorted(facts, key=lambda run: run.changed, reverse=True)


def facts_of(folder: Path, ours: bool = False) -> RunFacts:
    """What is known of the run in a folder; one that can't be read is `damaged`, and `fault` says why.

    ours: who asks holds the run's lock, its training being over, so that the lock does not say that it is running.
    """
    changed = datetime.fromtimestamp(_newest(folder)).astimezone()
    try:
        run = Run.open(folder)
        facts = run.facts()
        figures = {
            name if name == row["metric"] else f"{row['metric']}/{name}": value
            for row in evaluations.read(run)
            for name, value in row["figures"].items()
        }
    except (RunError, KeyError, TypeError, AttributeError) as error:
        why = error.problems[0].message if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
        state = "running" if held(folder) else "damaged"  # it is being prepared
        return RunFacts(folder, "", state, 0, None, None, changed, {}, {}, why if state == "damaged" else "")
    resolved = _resolved(folder)
    state, total = _ended(_tail(folder / "log.txt"))
    row = _last_row(_tail(run.metrics))
    if not ours and held(folder):
        state = "running"
    seed = facts.get("seed")
    return RunFacts(
        folder=folder,
        recipe=_name_in(resolved),
        state=state,
        step=int(row.get("step", 0)),
        total=total,
        seed=seed if isinstance(seed, int) else None,
        changed=changed,
        row=row,
        figures={name: float(value) for name, value in figures.items()},
        metrics=_own_metrics(resolved),
    )


def evaluation_seconds(root: Path, recipe: str, metrics: Iterable[str]) -> float | None:
    """How long these metrics took for the newest run of a recipe in `root` that has them; None where none has."""
    newest = sorted(_folders(root), key=_newest, reverse=True)
    for folder in [folder for folder in newest if recipe_of(folder) == recipe][:_LOOKED_AT]:
        try:
            seconds = {row["metric"]: float(row["seconds"]) for row in evaluations.read(Run.open(folder))}
            return sum(seconds[metric] for metric in metrics)
        except (RunError, KeyError, TypeError, ValueError):
            continue
    return None


def recipe_of(folder: Path) -> str:
    """The name of a run's recipe; empty where it can't be read."""
    return _name_in(_resolved(folder))


def _resolved(folder: Path) -> str:
    try:
        return (folder / RESOLVED).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name_in(resolved: str) -> str:
    named = _NAME.search(resolved)
    return named[1] if named else ""


def _own_metrics(resolved: str) -> tuple[str, ...]:
    """The names under `evaluate:`, as a resolved recipe is written."""
    block = _EVALUATE.search(resolved)
    return tuple(re.findall(r"^  ([^\s:#]+):", block[1], re.MULTILINE)) if block else ()


def held(folder: Path) -> bool:
    """Whether a process holds the run's lock: it trains, or evaluates."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _folders(root: Path) -> Iterator[Path]:
    """Run folders at or below `root`; nothing is looked for inside one."""
    if (root / FACTS).is_file() or (root / "checkpoints").is_dir():
        yield root
    elif root.is_dir():
        with os.scandir(root) as entries:
            inner = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        for name in inner:
            if not name.startswith("."):
                yield from _folders(root / name)


def _newest(folder: Path) -> float:
    times = [folder / name for name in ("metrics.jsonl", "log.txt", FACTS) if (folder / name).exists()]
    return max((path.stat().st_mtime for path in times), default=folder.stat().st_mtime)


def _tail(path: Path) -> str:
    """The last lines of a file; of a torn line the whole ones before it."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        text = file.read().decode(errors="replace")
    first = text.find("\n") + 1 if size > _TAIL else 0
    return text[first : text.rfind("\n") + 1]


def _last_row(text: str) -> dict[str, Any]:
    for line in reversed(text.splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            return row
    return {}


def _ended(log: str) -> tuple[str, int | None]:
    """How a training ended, by the last line of its log that says so, and the step that it was to reach."""
    state, total = "empty", None
    for line in log.splitlines():
        said = line.partition(" ")[2]
        state = next((told for mark, told in _MARKS.items() if said.startswith(mark)), state)
        if goal := _GOAL.search(line):
            total = int(goal[1])
    return state, total
