"""What a verb says while it works: on a terminal a line with a clock, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

FIRST, THEN = 5.0, 60.0
"""Seconds until a first line where there is no terminal, so that short work says nothing; and between two lines."""


@dataclass(frozen=True, slots=True)
class Work:
    """begin: says what is done from now on; its clock starts. tell: what is to be said meanwhile, behind it."""

    begin: Callable[[str], None]
    tell: Callable[[str], None]


@contextmanager
def working(text: str, *, shown: bool | None = None) -> Iterator[Work]:
    """Within, a line on stderr says what is done and for how long it has been; gone at the end.

    shown: whether there is such a line; by default where stderr is a terminal.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        yield Work(lambda text: None, _seldom())
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    words = TextColumn(
        "{task.description}", markup=False, table_column=Column(overflow="fold", no_wrap=False)
    )
    console = Console(stderr=True)
    columns = (SpinnerColumn(), words, TimeElapsedColumn())
    # Twice a second: the work wants the processor itself. What goes into a file stays out of the terminal.
    with Progress(
        *columns,
        console=console,
        transient=True,
        refresh_per_second=2,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        line = progress.add_task(text)
        head = [text]

        def begin(text: str) -> None:
            head[0] = text
            progress.reset(line, description=text)

        def tell(text: str) -> None:
            progress.update(line, description=f"{head[0]}: {text}")

        yield Work(begin, tell)


def _seldom() -> Callable[[str], None]:
    due = time.monotonic() + FIRST

    def tell(text: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            click.echo(text, err=True)
            due = time.monotonic() + THEN

    return tell
