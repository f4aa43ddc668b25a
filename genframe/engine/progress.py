"""What is shown while a run trains: a live view in a terminal, lines elsewhere, or nothing.

The loop tells it what happens, and `genframe watch` does from the files of a run: the same events, the same picture.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from genframe.live.pace import duration
from genframe.live.state import Outlook, State

Clock = Callable[[], float]
Row = Mapping[str, Any]

LINE_SECONDS = 5.0
"""How often a line is printed at most where there is no terminal."""

MOST_FIGURES = 12
"""Terms in a line."""


class Progress(Protocol):
    """Receives the events of a training; `start` comes first and `finish` last, also after an error."""

    def start(self, outlook: Outlook, past: Iterable[Row] = ()) -> None:
        """A training begins, or goes on after the rows `past`."""

    def tick(self, step: int) -> None:
        """`step` steps are made. Called at each, and so to be done in no time; the device may be behind."""

    def update(self, row: Row) -> None:
        """A row of metrics.jsonl was written."""

    def message(self, text: str) -> None:
        """Something that stays to be read: an alarm, a warning."""

    def picture(self, name: str, step: int, path: Path) -> None:
        """A picture of the output `name` was written."""

    def finish(self, how: str = "") -> None:
        """Nothing more will come; may be called twice. `how`: `stopped at step 50`, where that is to be seen."""


def progress_for(
    stream: TextIO | None = None,
    *,
    quiet: bool = False,
    plain: bool = False,
    preview: bool = False,
    afterwards: float | None = None,
) -> Progress:
    """A live view when `stream` (default stderr) is a terminal that can, else lines; nothing when `quiet`.

    plain: lines anyway. preview: the newest samples in the live view. afterwards: as of `State`.
    """
    if quiet:
        return QuietProgress()
    stream = stream or sys.stderr
    if plain or not can_live(stream):
        return PlainProgress(stream, afterwards=afterwards)
    from genframe.live.terminal import TerminalProgress

    return TerminalProgress.on(stream, preview=preview, afterwards=afterwards)


def can_live(stream: TextIO) -> bool:
    """Whether a stream is a terminal with a cursor that moves, for someone who did not ask for plain text."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("CI"):
        return False
    utf8 = (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
    return utf8 and (os.environ.get("TERM") or "dumb").lower() not in ("dumb", "unknown")


class QuietProgress:
    """Shows nothing."""

    def start(self, outlook: Outlook, past: Iterable[Row] = ()) -> None:
        pass

    def tick(self, step: int) -> None:
        pass

    def update(self, row: Row) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def picture(self, name: str, step: int, path: Path) -> None:
        pass

    def finish(self, how: str = "") -> None:
        pass


class UntilGone:
    """What another progress shows, until its terminal or pipe is gone: that costs the display, and not the training."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def start(self, outlook: Outlook, past: Iterable[Row] = ()) -> None:
        with self._surviving():
            self._shown.start(outlook, past)

    def tick(self, step: int) -> None:
        with self._surviving():
            self._shown.tick(step)

    def update(self, row: Row) -> None:
        with self._surviving():
            self._shown.update(row)

    def message(self, text: str) -> None:
        with self._surviving():
            self._shown.message(text)

    def picture(self, name: str, step: int, path: Path) -> None:
        with self._surviving():
            self._shown.picture(name, step, path)

    def finish(self, how: str = "") -> None:
        with self._surviving():
            self._shown.finish(how)

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._shown = QuietProgress()


class PlainProgress:
    """A line every `LINE_SECONDS` at most, and one when an epoch or the training ends."""

    def __init__(
        self, stream: TextIO, clock: Clock = time.monotonic, *, afterwards: float | None = None
    ) -> None:
        self.state = State(afterwards)
        self._stream = stream
        self._clock = clock
        self._unsaid = False  # whether there was a row since the last line: not each of them is made a text
        self._epoch = 0
        self._printed = float("-inf")
        self.said = False  # whether any line was printed

    def start(self, outlook: Outlook, past: Iterable[Row] = ()) -> None:
        self.state.start(outlook, past)
        self._epoch = self.state.epoch
        self._printed = self._clock()

    def tick(self, step: int) -> None:
        pass

    def update(self, row: Row) -> None:
        if row.get("epoch") != self._epoch:
            self._flush()  # the last line of the epoch that has ended
            self._epoch = row.get("epoch", 0)
        self.state.update(row)
        self._unsaid = True
        if self.state.step >= self.state.outlook.total or self._clock() - self._printed >= LINE_SECONDS:
            self._flush()

    def message(self, text: str) -> None:
        self._flush()
        print(text, file=self._stream, flush=True)

    def picture(self, name: str, step: int, path: Path) -> None:
        pass

    def finish(self, how: str = "") -> None:
        self._flush()
        self.state.end(how)

    def _flush(self) -> None:
        if self._unsaid:
            print(line(self.state), file=self._stream, flush=True)
            self._unsaid, self.said = False, True
            self._printed = self._clock()


def line(state: State) -> str:
    """`epoch 1/20  step 50/9380  41,200 images/s  objective 187.4  3:10 left`."""
    outlook = state.outlook
    words = [f"epoch {state.epoch}{f'/{outlook.epochs}' if outlook.epochs else ''}"] if state.epoch else []
    words.append(f"step {state.step}/{outlook.total}")
    words += [f"{state.speed:,.0f} images/s"] if state.speed is not None else []
    terms = {name: value for name, value in state.terms.items() if "/" not in name}
    words += [f"{name} {value:.4g}" for name, value in list(terms.items())[:MOST_FIGURES]]
    words += [f"and {len(terms) - MOST_FIGURES} more"] if len(terms) > MOST_FIGURES else []
    words += [f"{duration(state.remaining)} left"] if not state.ended else []
    return "  ".join(words)
