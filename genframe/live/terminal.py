"""The live view in a terminal: drawn over itself a few times a second, what was said above it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live

from genframe.live.lines import Line, Lines
from genframe.live.state import Outlook, State
from genframe.live.view import view

REFRESH_SECONDS = 0.2
"""How often the view is drawn at most: five pictures a second are enough to look live."""

COST = 0.005
"""The share of the time that drawing may take: a view that is dear (a large preview, a slow line) is drawn seldom."""


class TerminalProgress:
    """Shows the events of a training as a live view. Drawn by these calls and by no thread of its own: a second thread
    would take the interpreter from the training."""

    def __init__(
        self, console: Console, clock: Callable[[], float] = time.monotonic, *, preview: bool = False
    ) -> None:
        self.state = State()
        self._clock = clock
        self._preview = preview and console.color_system in ("truecolor", "256")
        self._picture: tuple[object, list[Line]] = (None, [])
        self._due = float("-inf")
        self._changed = False
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),  # what goes into a file stays out of the terminal
            vertical_overflow="crop",
        )
        self._unseen = preview and not self._preview

    @classmethod
    def on(cls, stream: TextIO, *, preview: bool = False) -> TerminalProgress:
        """On a stream that is a terminal."""
        return cls(Console(file=stream), preview=preview)

    def start(self, outlook: Outlook, past: Iterable[Mapping[str, Any]] = ()) -> None:
        self.state.start(outlook, past)
        self._live.start()
        if self._unseen:
            self.message("no preview: this terminal shows neither 256 colours nor all")
            self._unseen = False
        self._draw()
        self._due = self._clock() + REFRESH_SECONDS

    def tick(self, step: int) -> None:
        self.state.tick(step)
        self._changed = True
        if self._clock() >= self._due:
            self._draw()

    def update(self, row: Mapping[str, Any]) -> None:
        self.state.update(row)
        self.tick(self.state.step)

    def message(self, text: str) -> None:
        self.state.message(text)
        style = "yellow" if text.startswith(("alarm", "the alarm", "warning")) else None
        self._live.console.print(text, style=style, markup=False, highlight=False, emoji=False)

    def picture(self, name: str, step: int, path: Path) -> None:
        self.state.picture(name, step, path)
        self._changed = True

    def finish(self, how: str = "") -> None:
        if how:
            self.state.end(how)
        if self._live.is_started:
            if self._changed or how:
                self._draw()
            self._live.stop()

    def _draw(self) -> None:
        began = self._clock()
        width, height = self._live.console.size
        lines = view(self.state, width, height - 1, self._half_blocks(width, height))
        self._live.update(Lines(lines[: height - 1]), refresh=True)
        self._changed = False
        now = self._clock()
        self._due = now + max(REFRESH_SECONDS, (now - began) / COST)

    def _half_blocks(self, width: int, height: int) -> list[Line]:
        """The newest picture, made when it is new or the window another."""
        if not self._preview or (shown := self.state.preview) is None:
            return []
        if self._picture[0] != (key := (shown, width, height)):
            from genframe.live.half_blocks import half_blocks

            wide = min(width, 60) if width < 100 else min(width // 2 - 10, 60)
            self._picture = (key, half_blocks(shown[2], wide, max(height * 2 // 5, 4)))
        return self._picture[1]
