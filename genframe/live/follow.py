"""A run of another process, by its files: the events that its training has, as they are written. Torch-free."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from genframe.engine.metrics_log import row_of
from genframe.engine.progress import Progress
from genframe.errors import RunError
from genframe.live.state import Outlook
from genframe.run import Run
from genframe.runs import RunFacts, facts_of, held, recipe_of

POLL_SECONDS = 0.25
"""How often the files are looked at."""

QUIET_SECONDS = 1.0
"""After so long without news it is asked whether anybody writes still."""

MOST_BYTES = 32 << 20
"""Of a larger file the end is read: the courses of the figures begin there."""

_PICTURE = re.compile(r"(?P<name>.+)-(?P<step>\d{8})\.png")


def follow(
    folder: Path,
    progress: Progress,
    *,
    once: bool = False,
    wait: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> RunFacts:
    """Tell `progress` what happens in a run until nobody writes to it any more; what is known of it then.

    once: only what has happened already. wait: for a run that is not there yet. Raises RunError for a folder that is no
    run (GF713), or half of one that nobody is making whole (GF714).
    """
    waiting = False
    while (problem := _missing(folder)) is not None:
        made = problem.problems[0].code == "GF714" and held(folder)
        if once or not (wait or made):
            raise problem
        if not waiting:
            progress.message(f"{folder} is {'being prepared' if made else 'not there yet'}: waiting")
        waiting = True
        sleep(POLL_SECONDS)
    follower = Follower(folder, progress)
    quiet = QUIET_SECONDS  # a run that has ended is seen to have at once
    while True:
        written = quiet < QUIET_SECONDS or held(folder)
        news = follower.look()
        if once or not (written or news):
            break
        if written:
            quiet = 0.0 if news or quiet >= QUIET_SECONDS else quiet + POLL_SECONDS
        sleep(POLL_SECONDS)
    follower.close()
    return facts_of(folder)


class Follower:
    """Tells a progress what is new in a run's files at each `look`."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder, self.progress = folder, progress
        self._log, self._metrics = Growing(folder / "log.txt"), Growing(folder / "metrics.jsonl")
        self._seen: set[str] = set()  # pictures
        self._started = False
        self._step = 0

    def look(self) -> bool:
        """Whether there was anything new."""
        lines = list(_said(self._log.lines()[0]))
        name = recipe_of(self.folder)
        outlooks = [Outlook.read(text, when, name, self.folder) for when, text in lines]
        begins = [number for number, outlook in enumerate(outlooks) if outlook is not None]
        if begins:
            self._tell(text for _, text in lines[: begins[-1]] if self._started)
            self._start(outlooks[begins[-1]])
            lines = []  # what was said before we looked
        rows, replaced = self._rows()
        if not replaced:  # else it is being resumed: all is read again when it says from where
            for row in rows if self._started else ():
                self.progress.update(row)
        self._tell(text for _, text in lines if self._started)
        news = bool(self._show() or begins or lines or rows)
        if self._started:
            self.progress.tick(self._step)  # what came too soon after the last view to be drawn
        return news

    def close(self) -> None:
        """Nothing more will come: how it ended is the last that is told."""
        if not self._started:  # it never came to its first step
            self._start(Outlook(0, 0, recipe=recipe_of(self.folder), folder=self.folder))
            self._show()
        self.progress.finish(how_it_stands(facts_of(self.folder)))

    def _start(self, outlook: Outlook | None) -> None:
        assert outlook is not None
        self._metrics = Growing(self._metrics.path)  # from its start: rows may have been cut back
        self._started, self._seen, self._step = True, set(), outlook.step
        self.progress.start(outlook, self._rows()[0])

    def _rows(self) -> tuple[list[dict[str, Any]], bool]:
        if not self._started:
            return [], False
        lines, replaced = self._metrics.lines()
        rows = [row for line in lines if (row := row_of(line)) is not None]
        self._step = rows[-1]["step"] if rows and not replaced else self._step
        return rows, replaced

    def _tell(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.progress.message(text)

    def _show(self) -> bool:
        """Tell of the pictures that were not there before, the oldest first."""
        if not self._started:
            return False
        try:
            names = {entry.name for entry in os.scandir(self.folder / "samples")}
        except OSError:
            return False
        new = [told for name in names - self._seen if (told := _PICTURE.fullmatch(name))]
        self._seen |= names
        for told in sorted(new, key=lambda told: (int(told["step"]), told["name"])):
            self.progress.picture(told["name"], int(told["step"]), self.folder / "samples" / told.string)
        return bool(new)


class Growing:
    """A text file to which lines are added: those that came since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode: int | None = None
        self._read = 0

    def lines(self) -> tuple[list[bytes], bool]:
        """The new whole lines, and whether the file is another than before, or was cut: then all of its lines.

        A torn last line waits for its end.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                new = status.st_ino != self._inode or status.st_size < self._read
                replaced = new and self._inode is not None
                if new:
                    self._inode, self._read = status.st_ino, max(0, status.st_size - MOST_BYTES)
                file.seek(self._read)
                text = file.read()
        except FileNotFoundError:
            return [], False
        whole = text[: text.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if new and self._read:  # somewhere in a line
            lines = lines[1:]
        self._read += len(whole)
        return lines, replaced


def how_it_stands(run: RunFacts) -> str:
    """`stopped at step 50`; nothing of a run that is at work."""
    return "" if run.state == "running" else f"{run.state} at step {run.step:,}"


def _missing(folder: Path) -> RunError | None:
    """Why a folder is no run; None for one that is."""
    try:
        Run.open(folder)
    except RunError as error:
        return error
    return None


def _said(lines: list[bytes]) -> Iterator[tuple[float, str]]:
    """When, in Unix seconds, and what: the lines of a log, without the indented ones that belong to one above."""
    for line in lines:
        when, _, text = line.decode(errors="replace").partition(" ")
        if when and text:
            try:
                yield datetime.fromisoformat(when).timestamp(), text
            except ValueError:
                continue
