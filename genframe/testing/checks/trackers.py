"""What a tracker promises: it takes whatever a run gives, and touches nothing but its own files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genframe import process_state
from genframe.errors import Mark, RecipeError
from genframe.recipe.model import Instance
from genframe.testing.kit import Failure, check, told
from genframe.testing.subject import Subject
from genframe.testing.toy_run import ToyRun, resolved, rows
from genframe.testing.writes import writes
from genframe.tracking import Trackers

_ENDS: dict[str, type[BaseException]] = {"stopped": KeyboardInterrupt, "failed": ArithmeticError}
"""What a training raises when it ends so."""


@check("tracker")
def tracker_takes_what_a_run_gives(subject: Subject) -> None:
    """New, missing and nested columns, odd names, pictures, every end of a run: it raises nothing."""
    for state, steps, pictures in (("finished", 4, True), ("failed", 4, False), ("stopped", 0, False)):
        with _run() as run:
            warnings: list[str] = []
            trackers = _trackers(subject)
            with suppress(*_ENDS.values()), trackers.following(run.folder, resolved(), 0, _into(warnings)):
                if pictures:
                    trackers.picture("data", 0, run.picture("data.png"))
                for row in rows()[:steps]:
                    run.write(row)
                    trackers.log(row)
                if pictures:
                    trackers.picture("sämple", 4, run.picture("sämple-00000004.png"))
                if state in _ENDS:
                    raise _ENDS[state]
            if warnings:
                raise Failure(f"it follows a run that is {state} after {steps} rows", came=warnings[0])


@check("tracker")
def tracker_leaves_the_run_alone(subject: Subject) -> None:
    """It changes no row and no file of the run, and writes nowhere but in the run's folder."""
    with _run() as run:
        given, recipe = rows(), resolved()
        with writes() as written:
            _follow(subject, run, given, recipe)
        for row, before in zip(given, rows(), strict=True):
            if repr(row) != repr(before):
                raise Failure(f"it leaves a row as it is: {before!r}", came=repr(row), hint="copy it first")
        if recipe != resolved():
            raise Failure(f"it leaves the resolved recipe as it is: {resolved()!r}", came=repr(recipe))
        run.require_whole()
        outside = [path for path in written if not path.is_relative_to(run.folder)]
        if outside:
            raise Failure(
                f"it writes below {run.folder}",
                came=f"it wrote to {outside[0]}",
                hint="start(run, ...) gives the folder; a cache of its own is an expected failure with a reason",
            )


@check("tracker")
def tracker_goes_on_after_a_resume(subject: Subject) -> None:
    """A run that is killed and resumed is followed to its end, and what is logged again stands there once."""
    with _run() as run:
        killed = _build(subject)
        _call(killed, "start", run.folder, resolved(), 0)
        for row in rows()[:3]:
            run.write(row)
            _call(killed, "log", row)
        kept = run.texts()
        run.cut_back(2)
        _follow(subject, run, rows(), resolved(), resumed=2)
        for number, row in enumerate(rows()):
            sign = str(row["terms"]["objective"]) if "objective" in row["terms"] else ""
            for name, text in run.texts().items() if sign else ():
                if text.count(sign) > _at_most(text):
                    raise Failure(
                        f"the row of step {number + 1} stands in {name} once, though it was logged again",
                        came=f"{text.count(sign)} times",
                        hint="in start(), drop what you wrote of steps after resumed_step",
                    )
                if number < 2 and not text.count(sign) and sign in kept.get(name, ""):
                    raise Failure(
                        f"the row of step {number + 1}, before the resume, is kept in {name}",
                        came="it is gone",
                        hint="start() with resumed_step > 0 goes on with what is there",
                    )
        run.require_whole()


def _at_most(text: str) -> int:
    """How often a file says a row: a log of records, which is no text, may repeat it once in a summary."""
    return 2 if "\0" in text else 1


@check("tracker")
def tracker_leaves_the_process_alone(subject: Subject) -> None:
    """It draws no random number and changes no global state: it works beside the training, in a thread."""
    found: list[process_state.Change] = []
    for first in (True, False):
        with _run() as run:
            before = process_state.snapshot()
            _follow(subject, run, rows(), resolved())
            changed = process_state.changes(before, process_state.snapshot())
        # Importing changes paths and filters: of the first time, what others' results depend on counts alone.
        found += [change for change in changed if change.severity == "error" or not first]
    if found:
        raise Failure(
            "it leaves the process as it was",
            came="; ".join(dict.fromkeys(map(str, found[:5]))),
            hint="a training draws from torch's default generator at the same time",
        )


def _instance(subject: Subject) -> Instance:
    return Instance(subject.name, "tracker", subject.offer, subject.options(), Mark("<kit>", 1, 1))


def _trackers(subject: Subject) -> Trackers:
    """As the engine has it, in a thread of its own."""
    try:
        return Trackers.of([_instance(subject)])
    except RecipeError as error:
        expected = "a class with log(row), built from its options"
        raise Failure(expected, came=error.problems[0].message) from error


def _build(subject: Subject) -> Any:
    """The tracker itself, to be called at once."""
    _trackers(subject)
    return subject.offer.load()(**_instance(subject).keywords())


def _follow(
    subject: Subject, run: ToyRun, given: list[dict[str, Any]], recipe: dict[str, Any], resumed: int = 0
) -> None:
    tracker = _build(subject)
    _call(tracker, "start", run.folder, recipe, resumed)
    for row in given[resumed:]:
        run.write(row)
        _call(tracker, "log", row)
    _call(tracker, "picture", "sample", 4, run.picture("sample-00000004.png"))
    _call(tracker, "finish", "finished")


def _call(tracker: Any, method: str, *arguments: Any) -> None:
    function = getattr(tracker, method, None)
    if function is None:
        return
    try:
        function(*arguments)
    except Exception as error:
        raise Failure(f"{method}() raises nothing", came=told(error)) from error


@contextmanager
def _run() -> Iterator[ToyRun]:
    with TemporaryDirectory(prefix="genframe-kit-") as folder:
        yield ToyRun.made(Path(folder).resolve() / "läuft 1")


def _into(warnings: list[str]) -> Any:
    return lambda line, more: warnings.append(line)
