"""`genframe runs [FOLDER]`."""

from __future__ import annotations

from datetime import datetime
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
  genframe runs --json

A run is running while a process holds its lock; stopped after Ctrl-C, failed after an error, and killed where neither
could be said: genframe resume RUN goes on with each of these. Figures are those of genframe evaluate."""

_COLOURS = {"running": "cyan", "failed": "red", "killed": "yellow", "damaged": "red"}


@click.command("runs", epilog=EPILOG)
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path))
@click.option("--state", metavar="STATE", multiple=True, help="Only runs that are finished, killed ...")
@click.option("--recipe", metavar="TEXT", help="Only runs of recipes with this in their name.")
@click.option(
    "--figure", "chosen", metavar="NAME", multiple=True, help="Show these figures; else up to three."
)
@click.option("--sort", "order", metavar="NAME", help="By this figure, the highest first; else the newest.")
@options.as_json
def command(
    folders: tuple[Path, ...],
    state: tuple[str, ...],
    recipe: str | None,
    chosen: tuple[str, ...],
    order: str | None,
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
    known = sorted({name for run in runs for name in run.figures})
    for name in [*chosen, *([order] if order else [])]:
        if runs and name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known) or 'none'}"
            raise click.BadParameter(
                f"no run here has a figure {name!r}; {hint}", param_hint="--figure, --sort"
            )
    if order:
        runs.sort(key=lambda run: run.figures.get(order, float("-inf")), reverse=True)
    if json_:
        options.print_json([_plain(run) for run in runs])
        return
    if not runs:
        click.echo(f"no runs in {', '.join(map(str, roots))}")
        return
    _print(runs, [*dict.fromkeys([*chosen, *([order] if order else [])])] or _most_common(runs))


def _most_common(runs: list[RunFacts], most: int = 3) -> list[str]:
    counts: dict[str, int] = {}
    for run in runs:
        for name in run.figures:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])[:most]


def _print(runs: list[RunFacts], figures: list[str]) -> None:
    from genframe.cli.tables import print_table

    now = datetime.now().astimezone()
    rows = [
        (
            str(run.folder),
            run.recipe,
            run.state,
            f"{run.step:,}" + (f"/{run.total:,}" if run.total and run.total != run.step else ""),
            _age((now - run.changed).total_seconds()),
            *(f"{run.figures[name]:.5g}" if name in run.figures else "" for name in figures),
        )
        for run in runs
    ]
    styles = {number: _COLOURS[run.state] for number, run in enumerate(runs) if run.state in _COLOURS}
    print_table(("run", "recipe", "state", "step", "ago", *figures), rows, styles=styles)
    for run in runs:
        if run.fault:
            click.echo(f"{run.folder}: {run.fault}", err=True)


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _plain(run: RunFacts) -> dict[str, Any]:
    plain: dict[str, Any] = {name: getattr(run, name) for name in run.__slots__}
    return plain | {"folder": str(run.folder), "changed": run.changed.isoformat(timespec="seconds")}
