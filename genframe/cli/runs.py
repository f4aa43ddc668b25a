"""`genframe runs [FOLDER]`."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from datetime import datetime
from math import isfinite, isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import options

if TYPE_CHECKING:
    from genframe.runs import RunFacts

EPILOG = """\b
Examples:
  genframe runs
  genframe runs experiments/ --state finished
  genframe runs --recipe digits --figure elbo --sort elbo
  genframe runs --figure fid --sort fid --reverse
  genframe runs --json

A run is running while a process holds its lock; stopped after Ctrl-C, failed after an error, and killed where neither
could be said: genframe resume RUN goes on with each of these. Figures are those of genframe evaluate, and the terms as
they were last logged; without --figure up to three, those of the recipe's own metrics first."""

_COLOURS = {"running": "cyan", "failed": "red", "killed": "yellow", "damaged": "red"}

_MOST = 3
"""Figures that are shown unasked."""

_NARROW = 22
"""Columns that a folder's name may be folded into."""


@click.command("runs", epilog=EPILOG)
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@click.option("--state", metavar="STATE", multiple=True, help="Only runs that are finished, killed ...")
@click.option("--recipe", metavar="TEXT", help="Only runs of recipes with this in their name.")
@click.option(
    "--figure", "chosen", metavar="NAME", multiple=True, help="Show these figures or terms; else up to three."
)
@click.option("--sort", "order", metavar="NAME", help="By this figure, the highest first; else the newest.")
@click.option("--reverse", is_flag=True, help="The other way round: the lowest first, or the oldest.")
@options.as_json
def command(
    folders: tuple[Path, ...],
    state: tuple[str, ...],
    recipe: str | None,
    chosen: tuple[str, ...],
    order: str | None,
    reverse: bool,
    json_: bool,
) -> None:
    """List the runs in a folder (runs/ by default): recipe, state, figures."""
    from genframe.errors import nearest
    from genframe.runs import STATES, found

    for name in state:
        if name not in STATES:
            near = nearest(name, STATES)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(STATES)}"
            raise click.BadParameter(f"no run is {name!r}; {hint}", param_hint="--state")
    roots = folders or (Path("runs"),)
    for root in roots:
        if not root.exists() and folders:
            raise click.BadParameter(f"there is no folder {root}", param_hint="FOLDER")
    runs = [
        run
        for run in found(roots)
        if (not state or run.state in state) and (recipe is None or recipe in run.recipe)
    ]
    asked = list(dict.fromkeys([*chosen, *([order] if order else [])]))
    known = sorted({name for run in runs for name in (*run.figures, *run.terms)})
    for name in asked:
        if runs and name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known) or 'none'}"
            raise click.BadParameter(
                f"no run here has a figure {name!r}; {hint}", param_hint="--figure, --sort"
            )
    runs = _sorted(runs, order, reverse)
    if json_:
        options.print_json([_plain(run) for run in runs])
        return
    if not runs:
        click.echo(f"no runs in {', '.join(map(str, roots))}")
        return
    _print(runs, asked, [] if asked else _telling(runs))


def _sorted(runs: list[RunFacts], order: str | None, reverse: bool) -> list[RunFacts]:
    """By a figure, the highest first, and runs without it last either way; without one by time."""
    if order is None:
        return runs[::-1] if reverse else runs
    having = [run for run in runs if isfinite(_figure(run, order))]
    having.sort(key=lambda run: _figure(run, order), reverse=not reverse)
    return [*having, *(run for run in runs if run not in having)]


def _figure(run: RunFacts, name: str) -> float:
    """NaN where a run has it not."""
    return run.figures.get(name, run.terms.get(name, nan))


def _telling(runs: list[RunFacts]) -> list[str]:
    """What most runs have of their headlines; where these are few, of what is minimised."""
    figures = Counter(name for run in runs for name in run.headlines)
    terms = Counter(name for run in runs for name in run.terms if "/" not in name and name not in figures)
    return [name for counted in (figures, terms) for name, _ in counted.most_common()][:_MOST]


def _print(runs: list[RunFacts], asked: list[str], more: list[str]) -> None:
    """What is asked for in any case; of the rest as much as the window is wide."""
    from genframe.cli.tables import print_table

    now = datetime.now().astimezone()
    columns = {
        "run": [str(run.folder) for run in runs],
        "recipe": [run.recipe for run in runs],
        "state": [run.state for run in runs],
        "step": [
            f"{run.step:,}" + (f"/{run.total:,}" if run.total and run.total != run.step else "")
            for run in runs
        ],
        "ago": [_age((now - run.changed).total_seconds()) for run in runs],
        **{name: [_told(_figure(run, name)) for run in runs] for name in [*asked, *more]},
    }
    if not asked and sys.stdout.isatty():
        columns = _fitting(columns, more, shutil.get_terminal_size().columns)
    styles = {number: _COLOURS[run.state] for number, run in enumerate(runs) if run.state in _COLOURS}
    print_table([*columns], [*zip(*columns.values(), strict=True)], styles=styles)
    for run in runs:
        if run.fault:
            click.echo(f"{run.folder}: {run.fault}", err=True)


def _fitting(columns: dict[str, list[str]], figures: list[str], width: int) -> dict[str, list[str]]:
    """Columns that fit: less figures but one, then neither the time nor the steps; a folder's name may fold."""
    sizes = {name: max(map(len, (name, *cells))) + 3 for name, cells in columns.items()}
    sizes["run"] = min(sizes["run"], _NARROW)
    kept = [*columns]
    for name in [*figures[:0:-1], "ago", "step", *figures[:1]]:
        if sum(sizes[other] for other in kept) > width:
            kept.remove(name)
    return {name: columns[name] for name in kept}


def _told(value: float) -> str:
    return "" if isnan(value) else f"{value:.5g}"


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _plain(run: RunFacts) -> dict[str, Any]:
    plain: dict[str, Any] = {name: getattr(run, name) for name in run.__slots__}
    return plain | {"folder": str(run.folder), "changed": run.changed.isoformat(timespec="seconds")}
