"""`genframe data list | fetch`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import click

from genframe.cli import completion, options
from genframe.cli.verbs import Verbs

EPILOG = """\b
Examples:
  genframe data list
  genframe data fetch mnist"""

LIST_EPILOG = """\b
Examples:
  genframe data list
  genframe data list --json

Lengths and shapes are what a dataset promises before it is loaded; those of some follow from their options."""

FETCH_EPILOG = """\b
Examples:
  genframe data fetch mnist
  genframe data fetch mnist --root ~/data
  genframe data fetch fashion-mnist --from https://mirror.example.org/fashion-mnist

A download that was cut off goes on where it stopped, and is checked against the published digest. Data are kept in
--root, else in the folder that the environment variable GENFRAME_DATA names, else in the user's cache folder."""


@click.group("data", cls=Verbs, epilog=EPILOG)
def command() -> None:
    """List the datasets, download one."""


@command.command("list", epilog=LIST_EPILOG)
@options.as_json
@options.plugins
def listing(json_: bool, files: tuple[Path, ...]) -> None:
    """List the datasets: wires, shapes, lengths, and whether they are here."""
    from genframe import catalogue
    from genframe.cli.tables import print_table

    rows = catalogue.datasets(options.registry(files))
    if json_:
        options.print_json(rows)
        return
    cells = [(row["name"], _wires(row), _lengths(row), _presence(row), row["summary"]) for row in rows]
    print_table(("dataset", "wires", "examples", "here", "summary"), cells)


@command.command("fetch", epilog=FETCH_EPILOG)
@click.argument("name", shell_complete=completion.names)
@click.option("--root", metavar="DIR", type=click.Path(path_type=Path), help="Where to keep the data.")
@click.option(
    "--from", "base_url", metavar="URL", help="A folder on another server with files of these names."
)
@options.plugins
def fetching(name: str, root: Path | None, base_url: str | None, files: tuple[Path, ...]) -> None:
    """Download a dataset."""
    from genframe.data.fetch import fetch

    offer = options.registry(files).find("dataset", name)
    dataset = offer.load()
    if not hasattr(dataset, "sources"):
        click.echo(f"{offer.name} has nothing to download: {offer.summary()}")
        return
    with _progress() as progress:
        paths = fetch(dataset.sources(), root, base_url, progress)
    for path in paths:
        click.echo(f"{path}")


def _wires(row: dict[str, Any]) -> str:
    if row["wires"] is None:
        return f"needs {', '.join(row['needs'])}" if row["needs"] else str(row["cause"])
    return ", ".join(f"{name} {_shape(wire)}" for name, wire in row["wires"].items())


def _shape(wire: dict[str, Any]) -> str:
    if wire["classes"]:
        return f"0 to {wire['classes'] - 1}"
    return "x".join(map(str, wire["shape"])) if prod(wire["shape"]) != 1 else wire["dtype"]


def _lengths(row: dict[str, Any]) -> str:
    lengths = row["lengths"] or {}
    return ", ".join(f"{split} {'?' if length < 0 else f'{length:,}'}" for split, length in lengths.items())


def _presence(row: dict[str, Any]) -> str:
    if row["present"] is None:
        return ""
    if row["present"]:
        return "yes"
    return "no: genframe data fetch" if row["fetchable"] else "no"


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """What shows a download: a bar a file on a terminal, else a line a file."""
    if not sys.stderr.isatty():
        begun: set[str] = set()

        def line(name: str, done: int, total: int | None) -> None:
            if name not in begun:
                begun.add(name)
                size = f" ({total:,} bytes)" if total else ""
                click.echo(f"fetching {name}{size}", err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def bar(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield bar
