"""What is shown while a run trains: a bar in a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Clock = Callable[[], float]

REFRESH_SECONDS = 0.2
"""How often the bar is drawn at most: five pictures a second are enough to look live and cost no speed."""

LINE_SECONDS = 5.0
"""How often a line is printed at most where there is no terminal."""


class Progress(Protocol):
    """Receives the state of a training; `start` comes first and `finish` last, also after an error."""

    def start(self, total: int, *, step: int = 0, epochs: int | None = None) -> None:
        """`total` steps will be made, `step` of them are behind us; `epochs` is how many there will be."""

    def update(
        self, step: int, epoch: int, values: Mapping[str, float], images_per_second: float | None = None
    ) -> None:
        """Step `step` of the 1-based `epoch` is done; `values` are the latest terms by name."""

    def message(self, text: str) -> None:
        """Something that stays to be read: a checkpoint, a warning."""

    def finish(self) -> None:
        """Nothing more will come; may be called twice."""


def progress_for(stream: TextIO | None = None, *, quiet: bool = False) -> Progress:
    """A bar when `stream` (default stderr) is a terminal, else lines; nothing when `quiet`."""
    if quiet:
        return QuietProgress()
    stream = stream or sys.stderr
    if not stream.isatty():
        return PlainProgress(stream)
    from rich.console import Console

    console = Console(file=stream)
    return PlainProgress(stream) if console.is_dumb_terminal else TerminalProgress(console)


class QuietProgress:
    """Shows nothing."""

    def start(self, total: int, *, step: int = 0, epochs: int | None = None) -> None:
        pass

    def update(
        self, step: int, epoch: int, values: Mapping[str, float], images_per_second: float | None = None
    ) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def finish(self) -> None:
        pass


class PlainProgress:
    """A line every `LINE_SECONDS` at most, and one when an epoch or the training ends."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._pace = Pace(0, 0, clock)
        self._epochs: int | None = None
        self._latest = ""  # the line of the latest update, "" once it is printed
        self._epoch = 0
        self._printed = float("-inf")

    def start(self, total: int, *, step: int = 0, epochs: int | None = None) -> None:
        self._pace = Pace(total, step, self._clock)
        self._epochs = epochs
        self._printed = self._clock()

    def update(
        self, step: int, epoch: int, values: Mapping[str, float], images_per_second: float | None = None
    ) -> None:
        if epoch != self._epoch:
            self._flush()  # the last line of the epoch that has ended
            self._epoch = epoch
        self._pace.tick(step)
        self._latest = "  ".join(
            [
                _place(step, self._pace.total, epoch, self._epochs),
                *_figures(values, images_per_second),
                f"{duration(self._pace.remaining())} left",
            ]
        )
        if step >= self._pace.total or self._clock() - self._printed >= LINE_SECONDS:
            self._flush()

    def message(self, text: str) -> None:
        self._flush()
        print(text, file=self._stream, flush=True)

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._latest:
            print(self._latest, file=self._stream, flush=True)
            self._latest = ""
            self._printed = self._clock()


class TerminalProgress:
    """Two lines that are drawn over: the bar with what remains, and the latest figures. Never wraps."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        from rich.live import Live

        self._clock = clock
        self._pace = Pace(0, 0, clock)
        self._epochs: int | None = None
        self._state: tuple[int, int, Mapping[str, float], float | None] | None = None  # not drawn yet
        self._drawn = float("-inf")
        # Drawn by `update` and by no thread: a second thread would take the interpreter from the training.
        self._live = Live(console=console, auto_refresh=False, transient=False)

    def start(self, total: int, *, step: int = 0, epochs: int | None = None) -> None:
        self._pace = Pace(total, step, self._clock)
        self._epochs = epochs
        self._live.start()

    def update(
        self, step: int, epoch: int, values: Mapping[str, float], images_per_second: float | None = None
    ) -> None:
        self._pace.tick(step)
        self._state = (step, epoch, values, images_per_second)
        if self._clock() - self._drawn >= REFRESH_SECONDS:
            self._draw()

    def message(self, text: str) -> None:
        self._live.console.print(text, markup=False, highlight=False)

    def finish(self) -> None:
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        if self._state is not None:
            self._live.update(self._picture(*self._state), refresh=True)
            self._state = None
            self._drawn = self._clock()

    def _picture(
        self, step: int, epoch: int, values: Mapping[str, float], images_per_second: float | None
    ) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        total = self._pace.total
        first = Table.grid(padding=(0, 1), expand=True)
        first.add_column(no_wrap=True)
        first.add_column(ratio=1)
        first.add_column(no_wrap=True, justify="right")
        first.add_row(
            Text(_place(step, total, epoch, self._epochs)),
            ProgressBar(total=max(total, 1), completed=step),
            Text(f"{duration(self._pace.remaining())} left"),
        )
        second = Text("  ".join(_figures(values, images_per_second)), no_wrap=True, overflow="ellipsis")
        return Group(first, second)


class Pace:
    """How fast steps are made, over the last half minute or so."""

    def __init__(self, total: int, step: int, clock: Clock = time.monotonic) -> None:
        self.total = total
        self._clock = clock
        self._ticks = deque([(clock(), step)])

    def tick(self, step: int) -> None:
        """Step `step` is done."""
        now = self._clock()
        self._ticks.append((now, step))
        while len(self._ticks) > 2 and now - self._ticks[0][0] > 30.0:
            self._ticks.popleft()

    def remaining(self) -> float | None:
        """Seconds until the last step; None before a step is made."""
        (began, first), (now, last) = self._ticks[0], self._ticks[-1]
        if last <= first:
            return None
        return (now - began) / (last - first) * max(self.total - last, 0)


def duration(seconds: float | None) -> str:
    """`4:05`, `1:02:03`, or `-:--` when it is not known."""
    if seconds is None:
        return "-:--"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _place(step: int, total: int, epoch: int, epochs: int | None) -> str:
    return f"epoch {epoch}{f'/{epochs}' if epochs else ''}  step {step}/{total}"


def _figures(values: Mapping[str, float], images_per_second: float | None) -> list[str]:
    """`objective 104.2`, one for each value, and the throughput in front, where it is never cut off."""
    speed = [f"{images_per_second:,.0f} images/s"] if images_per_second is not None else []
    return speed + [f"{name} {value:.4g}" for name, value in values.items()]
