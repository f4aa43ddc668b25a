"""The live view in a terminal: drawn over itself a few times a second, what was said above it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live

from genframe.live.lines import Line, Lines, folded, piece
from genframe.live.state import Outlook, State
from genframe.live.view import WIDE, view

UNBOUNDED = 100
"""Lines of a frame that goes to no terminal."""

REFRESH_SECONDS = 0.2
"""How often the view is drawn at most: five pictures a second are enough to look live."""

COST = 0.005
"""The share of the time that drawing may take: a view that is dear (a large preview, a slow line) is drawn seldom."""

_NONE_YET = (
    "no samples yet: train.samples.every says how often they are drawn, by default with each checkpoint"
)


class TerminalProgress:
    """Shows the events of a training as a live view. Drawn by these calls and by no thread of its own: a second thread
    would take the interpreter from the training."""

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        *,
        preview: bool = False,
        afterwards: float | None = None,
    ) -> None:
        self.state = State(afterwards)
        self._clock = clock
        self._preview = Preview(console, preview)
        self._due = float("-inf")
        self._changed = False
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),  # what goes into a file stays out of the terminal
            vertical_overflow="crop",
        )

    @classmethod
    def on(
        cls, stream: TextIO, *, preview: bool = False, afterwards: float | None = None
    ) -> TerminalProgress:
        """On a stream that is a terminal."""
        return cls(Console(file=stream), preview=preview, afterwards=afterwards)

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self.state.start(outlook, past)
        if not self._live.is_started:
            self._live.start()
            for remark in self._preview.remarks:
                self.message(remark)
        self._draw()
        self._due = self._clock() + REFRESH_SECONDS

    def tick(self, step: int) -> None:
        self._changed = self._changed or step != self.state.step
        self.state.tick(step)
        if self._changed and self._clock() >= self._due:
            self._draw()

    def update(self, row: Mapping[str, Any]) -> None:
        self.state.update(row)
        self._changed = True
        self.tick(self.state.step)

    def message(self, text: str) -> None:
        style = "yellow" if text.startswith(("alarm", "the alarm", "warning")) else None
        self._live.console.print(text, style=style, markup=False, highlight=False, emoji=False)

    def picture(self, name: str, step: int, path: Path) -> None:
        self.state.picture(name, step, path)
        self._changed = True

    def finish(self, how: str = "") -> None:
        if not self._live.is_started:
            return
        done = 0 < self.state.outlook.total <= self.state.step
        self.state.end(how or ("done" if done else "stopped"))
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        began = self._clock()
        width, height = self._live.console.size
        room = max(height - 1, 1)
        lines = view(self.state, width, room, self._preview.lines(self.state, width, height))
        self._live.update(Lines(lines[:room]), refresh=True)
        self._changed = False
        now = self._clock()
        self._due = now + max(REFRESH_SECONDS, (now - began) / COST)


class Frame:
    """Prints the view once, when it has heard everything."""

    def __init__(self, console: Console, *, preview: bool = False) -> None:
        self.state = State()
        self._console = console
        self._preview = Preview(console, preview)
        self._started = False

    @classmethod
    def on(cls, stream: TextIO, *, preview: bool = False) -> Frame:
        return cls(Console(file=stream), preview=preview)

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self.state.start(outlook, past)
        self._started = True

    def tick(self, step: int) -> None:
        pass

    def update(self, row: Mapping[str, Any]) -> None:
        self.state.update(row)

    def message(self, text: str) -> None:
        pass

    def picture(self, name: str, step: int, path: Path) -> None:
        self.state.picture(name, step, path)

    def finish(self, how: str = "") -> None:
        if not self._started:  # or printed already
            return
        self._started = False
        self.state.end(how)
        width, height = self._console.size
        height = height if self._console.is_terminal else UNBOUNDED
        self._console.print(
            Lines(view(self.state, width, height, self._preview.lines(self.state, width, height))), end=""
        )


class Preview:
    """The newest picture of a training in half blocks, where it is wanted and the terminal has the colours."""

    def __init__(self, console: Console, wanted: bool) -> None:
        able = console.color_system in ("truecolor", "256")
        self.shown = wanted and able
        missing = "no preview: this terminal has not the 256 colours that it takes"
        self.remarks = [missing] if wanted and not able else []
        self._made: tuple[object, list[Line]] = (None, [])

    def lines(self, state: State, width: int, height: int) -> list[Line]:
        """Made anew when the picture is another, or the window."""
        if not self.shown:
            return []
        if (newest := state.preview) is None:
            return [] if state.ended else [[piece(text, "bright_black")] for text in folded(_NONE_YET, width)]
        if self._made[0] != (key := (newest, width, height)):
            from genframe.live.half_blocks import half_blocks

            wide, high = (
                (min(width, 60), height * 2 // 5) if width < WIDE else (min(width // 2 - 10, 60), height // 2)
            )
            self._made = (key, half_blocks(newest[2], wide, max(high, 4)))
        return self._made[1]
