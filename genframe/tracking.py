"""Trackers: a run's rows and pictures, handed to the trackers of the recipe as they come.

Each tracker works in a thread of its own, so that one that is slow or stuck holds up neither the training nor
another tracker. A call that raises is made again after a while, and the calls behind it wait; a tracker that goes on
raising is muted with one warning. What it misses stands in the run's folder, from where `genframe track` sends it.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from genframe.errors import Problem, RecipeError, Stopped
from genframe.recipe.model import Instance

PATIENCE = {"finished": 60.0, "failed": 60.0, "stopped": 5.0}
"""Seconds that the end of a run waits for a tracker, by the state that it ends in: long enough for an upload."""

CONNECTING = 15.0
"""So long at most for a tracker whose `start` has not returned by then: it never got hold of anything."""

PAUSES = (0.5, 2.0, 8.0, 30.0)
"""Seconds before a call that has raised is made again, and again; when it has failed once more, the tracker is muted.

At the end of a run nobody waits: what is left of the attempts is made at once.
"""

SENDING = 3600.0
"""Seconds that a tracker may take over a whole run that is handed to it afterwards."""

BEHIND = 10_000
"""So many calls may wait for a tracker, some tens of MB, before it is given up."""

Warn = Callable[[str, str], None]
"""Told a warning in a line, and further lines for the log."""

Say = Callable[[str], None]
"""Told a line that a tracker's `finish` returned: where to look, or what to do next."""


class Trackers:
    """The trackers of one training. Its methods return at once, whatever a tracker does."""

    def __init__(self, followers: Sequence[_Follower] = ()) -> None:
        self._followers = list(followers)
        self._warn: Warn = lambda line, more: None
        self._say: Say = lambda line: None
        self._run = Path("RUN")
        self._again = True

    @classmethod
    def of(cls, instances: Iterable[Instance]) -> Trackers:
        """A recipe's trackers, built. Raises RecipeError for one that its options do not suit, or that is none."""
        return cls([_Follower(instance, _built(instance)) for instance in instances])

    @contextmanager
    def following(
        self,
        run: Path,
        resolved: Mapping[str, Any],
        resumed_step: int,
        warn: Warn,
        say: Say = lambda line: None,
    ) -> Iterator[None]:
        """Within, the run's trackers are at work: `start` comes first and `finish`, with how it ended, last."""
        self._warn, self._say, self._run = warn, say, run
        for follower in self._followers:
            follower.begin()
        self._call("start", run, resolved, resumed_step)
        state = "failed"
        try:
            yield
            state = "finished"
        except (Stopped, KeyboardInterrupt):
            state = "stopped"
            raise
        finally:
            self._finish(state)

    def send(
        self,
        run: Path,
        resolved: Mapping[str, Any],
        step: int,
        warn: Warn,
        say: Say = lambda line: None,
        *,
        again: bool = True,
    ) -> bool:
        """Bring each tracker to what a run that nobody writes to holds up to `step`; whether all came there.

        To a tracker it is a resume after which nothing more happens: `start`, then `finish`.
        again: whether a warning names `genframe track`, which is no advice to who has just called it.
        """
        self._again = again
        self._warn, self._say, self._run = warn, say, run
        for follower in self._followers:
            follower.begin()
        self._call("start", run, resolved, step)
        self._finish("finished", SENDING)
        return all(follower.fault is None for follower in self._followers)

    def log(self, row: Mapping[str, Any]) -> None:
        """Hand on a row of metrics.jsonl."""
        self._call("log", row)

    def picture(self, name: str, step: int, path: Path) -> None:
        """Hand on a picture that was written: `sample` of step 4690, say."""
        self._call("picture", name, step, path)

    def _call(self, method: str, *arguments: Any) -> None:
        for follower in self._followers:
            follower.call(method, *map(_copied, arguments))  # a copy each: what one changes no other sees
        self._tell()

    def _finish(self, state: str, patience: float | None = None) -> None:
        for follower in self._followers:
            follower.call("finish", state)
            follower.end()
        for follower in self._followers:
            if patience is not None:
                follower.wait(patience)
            else:
                follower.wait(PATIENCE[state], unless_started=CONNECTING)
        self._tell()
        for follower in self._followers:
            if follower.said:
                self._say(follower.said)

    def _tell(self) -> None:
        """Warn, from the training's own thread, of each tracker that was muted since."""
        for follower in self._followers:
            if follower.fault is not None and not follower.told:
                follower.told = True
                missed = f"; genframe track {self._run} --to {follower.offer} sends what it misses"
                line = f"{follower.title} {follower.fault.line}{missed if self._again else ''}"
                self._warn(line, follower.fault.more)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a tracker was muted, in a line, and the traceback."""

    line: str
    more: str = ""


class _Follower:
    """One tracker and the thread that calls it, in order."""

    def __init__(self, instance: Instance, tracker: Any) -> None:
        self.title = f"the tracker {instance.name!r} ({instance.offer.name})"
        self.offer = instance.offer.name
        self.fault: _Fault | None = None
        self.told = False
        self.said = ""
        self._name, self._tracker = instance.name, tracker
        self._calls: Queue[tuple[str, tuple[Any, ...]] | None] = Queue()
        self._thread: Thread | None = None
        self._started = False
        self._hurried = Event()

    def begin(self) -> None:
        self._calls = Queue(BEHIND)
        self._thread = Thread(target=self._work, name=f"tracker {self._name}", daemon=True)
        self._thread.start()

    def call(self, method: str, *arguments: Any) -> None:
        """Leave a call to the thread."""
        if self.fault is None or method == "finish":
            try:
                self._calls.put_nowait((method, arguments))
            except Full:
                self.fault = self.fault or _Fault(f"is muted: it is {BEHIND:,} calls behind")

    def end(self) -> None:
        """Nothing more will come, and no pause is made any more."""
        self._hurried.set()
        if self._calls.full():  # it is stuck and given up: should it ever go on, it finds its end
            with suppress(Empty):
                self._calls.get_nowait()
        self._calls.put_nowait(None)

    def wait(self, seconds: float, unless_started: float | None = None) -> None:
        assert self._thread is not None
        waited = seconds
        if unless_started is not None and unless_started < seconds:
            self._thread.join(unless_started)
            waited = seconds if self._started else unless_started
            seconds = waited - unless_started
        self._thread.join(seconds)
        if self._thread.is_alive() and self.fault is None:
            self.fault = _Fault(f"has not come to an end within {waited:g} s and is left behind")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            method, arguments = call
            function = getattr(self._tracker, method, None)
            # One that was muted may still let go of what it holds, if it ever got hold of it.
            if function is None or (self.fault is not None and not (method == "finish" and self._started)):
                continue
            self._attempt(method, function, arguments)

    def _attempt(self, method: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Make a call, up to `len(PAUSES)` times more while it raises; then the tracker is muted."""
        for pause in (*PAUSES, None):
            try:
                said = function(*arguments)
                self._started = True  # by `start`, which is the first call, or by any after it
                if method == "finish" and isinstance(said, str):
                    self.said = said
                return
            except BaseException as error:
                if pause is None or self.fault is not None or not isinstance(error, Exception):
                    self.fault = self.fault or self._raised(method, error)
                    return
                self._hurried.wait(pause)

    def _raised(self, method: str, error: BaseException) -> _Fault:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        own = [frame for frame in frames if frame.filename == _file(self._tracker)]
        place = next(((frame.filename, frame.lineno) for frame in reversed(own or frames)), None)
        where = f" ({place[0]}:{place[1]})" if place else ""
        line = f"is muted: its {method}() raised {type(error).__name__}: {error}{where}"
        return _Fault(line, "".join(traceback.format_exception(error)).rstrip())


def _copied(value: Any) -> Any:
    """A copy of plain data, several times as fast as copy.deepcopy makes it."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value if isinstance(value, (str, int, float, Path, type(None))) else deepcopy(value)


def _file(tracker: Any) -> str | None:
    try:
        return inspect.getfile(type(tracker))
    except (OSError, TypeError):
        return None


def _built(instance: Instance) -> Any:
    """The tracker that an instance describes. Raises RecipeError."""
    target, path = instance.offer.load(), f"track.{instance.name}"
    if not inspect.isclass(target) or not callable(getattr(target, "log", None)):
        message = f"a tracker is a class with log(row), and {instance.offer.name} is not"
        raise RecipeError(Problem("GF535", message, instance.mark, path))
    try:
        return target(**instance.keywords())
    except Exception as error:
        message = f"{instance.offer.name} could not be built: {type(error).__name__}: {error}"
        raise RecipeError(Problem("GF501", message, instance.mark, path)) from error
