"""Tables: in colour on a terminal, aligned lines elsewhere, so that `grep` and `awk` can read them."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

import click


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str = "",
    styles: Mapping[int, str] | None = None,
) -> None:
    """Rows under headers. `styles` colours a row by its number; nothing is printed for no rows."""
    if not rows:
        return
    if sys.stdout.isatty():
        _print_rich(headers, rows, title, styles or {})
    else:
        click.echo(plain_table(headers, rows, title), nl=False)


def say(text: str = "") -> None:
    """Print lines; on a terminal that is narrower than one, it is folded at spaces, under its second word or column."""
    if not sys.stdout.isatty():
        click.echo(text)
        return
    width = width_or(80)
    click.echo("\n".join(part for line in text.split("\n") for part in folded(line, width)))


def width_or(otherwise: int) -> int:
    """The columns of the terminal; `otherwise` where there is none."""
    return shutil.get_terminal_size((otherwise, 24)).columns if sys.stdout.isatty() else otherwise


def folded(line: str, width: int) -> list[str]:
    """A line on several of `width` columns, the further ones under the text of the first; long words stay whole."""
    if len(line) <= width:
        return [line]
    head = _HEAD.match(line)
    indent = min(len(head[0]) if head else 0, width // 2)
    return textwrap.wrap(
        line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


_HEAD = re.compile(r" *(?:- |[\w/-]+ {2,})?")
"""What further lines are indented by: spaces, the dash of a list, a word in a column of its own."""


def count(number: int, noun: str) -> str:
    """`1 plugin`, `3 plugins`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> str:
    """The table as text: columns two spaces apart; under a title, two spaces in."""
    lines = [headers, *rows] if any(headers) else list(rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    indent = "  " if title else ""
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "".join(f"{text.rstrip()}\n" for text in [title] * bool(title) + [indent + text for text in texts])


def _print_rich(
    headers: Sequence[str], rows: Sequence[Sequence[str]], title: str, styles: Mapping[int, str]
) -> None:
    from rich.box import SIMPLE_HEAD  # 60 ms that only a terminal pays
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    headed = any(headers)
    table = Table(box=SIMPLE_HEAD if headed else None, pad_edge=not headed, show_header=headed)
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", style="bold" if number == 0 else None)
    for number, row in enumerate(rows):
        table.add_row(*map(Text, row), style=styles.get(number))
    console = Console(highlight=False)
    if title:
        console.print(Text(title, "bold cyan"))
    console.print(table)
