"""Runs killed with SIGKILL at seeded moments and resumed end with the bits of a run that was never killed.

The children are forked by a server that has torch loaded, so that a kill costs about as much as the steps it undoes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tiny import differing, logged_steps, resume, saved, small, train

KILLS = 20
RECIPES = ("vae/digits", "dae/digits", "gan/digits", "gan/restore-digits")
LENGTH = ("train={steps: 30, checkpoint: {every: 5, keep: 2}, samples: {every: 20, n: 4}, log: {every: 3}}",)
CHILDREN = get_context("forkserver")
CHILDREN.set_forkserver_preload(
    [
        "torch._dynamo",  # the first step of an optimizer imports it, for a second or two
        "genframe.engine.loop",
        "genframe.recipe",
        "genframe_plugins.nets.conv",
        "genframe_plugins.nets.mlp",
        "pydantic.json_schema",
        "numpy.random",
        "PIL.PngImagePlugin",
    ]
)


@dataclass(frozen=True)
class Moment:
    """When a child dies: `seconds` after it began to train, or at the `nth` time that it comes by `place`."""

    seconds: float = 0.0
    place: str = ""
    nth: int = 0

    def __str__(self) -> str:
        return f"{self.place} {self.nth}" if self.place else f"after {self.seconds:.3f} s"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> Callable[[int], None]:
    """Die in place of the nth call."""

    def arm(nth: int) -> None:
        original, calls = getattr(owner, name), iter(range(nth))

        def call(*args: Any, **keywords: Any) -> Any:
            if next(calls, None) is None:
                die()
            return original(*args, **keywords)

        setattr(owner, name, call)

    return arm


def _after(owner: Any, name: str) -> Callable[[int], None]:
    """Die when the nth call has done its work."""

    def arm(nth: int) -> None:
        original, calls = getattr(owner, name), iter(range(nth))

        def call(*args: Any, **keywords: Any) -> Any:
            result = original(*args, **keywords)
            if next(calls, None) is None:
                die()
            return result

        setattr(owner, name, call)

    return arm


def _halfway_through_a_file(nth: int) -> None:
    from genframe.engine import checkpoint

    original, calls = checkpoint._write, iter(range(nth))

    def write(path: Path, data: bytes | memoryview) -> str:
        if next(calls, None) is None:
            path.write_bytes(bytes(data)[: len(data) // 2])
            die()
        return original(path, data)

    checkpoint._write = write


def _halfway_through_a_row(nth: int) -> None:
    from genframe.engine.metrics_log import MetricsLog

    original, calls = MetricsLog.write, iter(range(nth))

    def write(self: MetricsLog, rows: Sequence[Mapping[str, Any]]) -> None:
        if next(calls, None) is None:
            original(self, rows[:-1])
            self._file.write(b'{"step": %d, "epo' % rows[-1]["step"])
            die()
        original(self, rows)

    MetricsLog.write = write  # type: ignore[method-assign]


def _halfway_through_a_removal(nth: int) -> None:
    original, calls = shutil.rmtree, iter(range(nth))

    def remove(path: Path, *args: Any, **keywords: Any) -> None:
        if Path(path).is_dir() and next(calls, None) is None:
            next(Path(path).iterdir()).unlink(missing_ok=True)
            die()
        original(path, *args, **keywords)

    shutil.rmtree = remove  # type: ignore[assignment]


def _places() -> dict[str, tuple[Callable[[int], None], int]]:
    """Where a child can be made to die, and about how often a run comes by."""
    from genframe.engine import checkpoint
    from genframe.engine.step import Stepper

    return {
        "after a player's move": (_after(Stepper, "_move"), 20),
        "halfway through a file of a checkpoint": (_halfway_through_a_file, 20),
        "before a checkpoint's rename": (_before(checkpoint, "_put"), 4),
        "between a checkpoint's rename and the cleanup": (_after(checkpoint, "_put"), 4),
        "between the renames and the removals of the cleanup": (_after(checkpoint, "_move_away"), 2),
        "halfway through the removal of a checkpoint": (_halfway_through_a_removal, 2),
        "halfway through a row of the metrics": (_halfway_through_a_row, 4),
        "between the metrics and the checkpoint": (_before(checkpoint, "save"), 4),
    }


def moments(seed: int, seconds: float) -> list[Moment]:
    """KILLS moments, seeded: each place at one of its visits, and times within half of a run of `seconds`."""
    rng = random.Random(seed)
    chosen = [Moment(place=place, nth=rng.randrange(often)) for place, (_, often) in _places().items()]
    chosen += [Moment(seconds=rng.uniform(0, seconds / 2)) for _ in range(KILLS - len(chosen))]
    rng.shuffle(chosen)
    return chosen


def child(name: str, folder: Path, moment: Moment | None, ready: Any) -> None:
    """Train, or go on with, the run in `folder`; die at the moment."""
    import torch

    torch.set_num_threads(1)
    if moment is not None and moment.place:
        _places()[moment.place][0](moment.nth)
    ready.set()
    if (folder / "lock.json").exists():
        resume(folder)
    else:
        train(small(name, *LENGTH), folder)


def attempt(name: str, folder: Path, moment: Moment | None) -> bool:
    """One life of a run. Whether it ended by itself; False when it was killed."""
    ready = CHILDREN.Event()
    process = CHILDREN.Process(target=child, args=(name, folder, moment, ready))
    process.start()
    if moment is not None and not moment.place:
        assert ready.wait(60)
        process.join(moment.seconds)
        process.kill()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), f"the child ended with {process.exitcode} ({moment})"
    return process.exitcode == 0


@pytest.mark.parametrize("name", RECIPES)
def test_killed_runs_resume_to_the_same_bits(name: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert attempt(name, whole, None)
    started = monotonic()
    assert attempt(name, tmp_path / "again", None)
    seconds = monotonic() - started
    expected, steps = saved(whole), logged_steps(whole)
    assert not differing(saved(tmp_path / "again"), expected)

    waiting = moments(RECIPES.index(name), seconds)
    for number in range(4 * KILLS):
        folder = tmp_path / f"run-{number}"
        story = kill_until_it_ends(name, folder, waiting)
        told = " -> ".join(map(str, story))
        assert not differing(saved(folder), expected), told
        assert logged_steps(folder) == steps, told
        assert not list((folder / "checkpoints").glob(".*")), told
        if not waiting:
            break
        if not waiting[0].place:  # the run was over sooner than those that were timed
            waiting[0] = replace(waiting[0], seconds=0.7 * waiting[0].seconds)
    assert not waiting, "every moment has killed a run"


def kill_until_it_ends(name: str, folder: Path, waiting: list[Moment]) -> list[Moment]:
    """Let a run live until it ends, killed at the waiting moments; those that killed it are taken and returned."""
    story: list[Moment] = []
    while not attempt(name, folder, waiting[0] if waiting else None):
        if (folder / "lock.json").exists():
            story.append(waiting.pop(0))
        else:
            shutil.rmtree(folder, ignore_errors=True)  # killed before there was a run to go on with
            waiting.append(waiting.pop(0))
    return story
