"""`genframe track RUN --to TRACKER`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe track runs/vae-digits-20260101-120000 --to wandb
  genframe track runs/vae-digits-20260101-120000 --to wandb project=digits mode=offline
  genframe track runs/vae-digits-20260101-120000 --to csv

Everything that the run's folder holds is handed to the tracker, as if it had followed from the start: for a run that
was trained without it, or that it missed a part of. A tracker that knows the run already gets what it lacks."""


@click.command("track", epilog=EPILOG)
@options.run
@click.argument("settings", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--to", "to", metavar="TRACKER", required=True, help="Which (genframe list tracker).")
@options.plugins
def command(run: Path, settings: tuple[str, ...], to: str, files: tuple[Path, ...]) -> None:
    """Hand a run to a tracker, afterwards."""
    from genframe.run import Run

    name = to.rpartition("/")[2].replace("-", "_")
    for setting in settings:
        if not setting.partition("=")[0].strip() or "=" not in setting:
            raise click.BadParameter(f"{setting!r} is not KEY=VALUE", param_hint="[KEY=VALUE]...")
    chosen = [f"track={{{name}: {{use: {to}}}}}", *(f"track.{name}.{setting}" for setting in settings)]
    with Run.open(run, writable=True) as opened:
        if not sent(opened.folder, files, chosen):
            sys.exit(1)
    click.echo(f"handed {run} to {to}")


def sent(folder: Path, files: tuple[Path, ...], settings: Sequence[str] = ()) -> bool:
    """Bring the trackers of a run's recipe under the settings to all that its folder holds. Warns on stderr."""
    from genframe.engine.metrics_log import rows
    from genframe.recipe.resolve import resolved
    from genframe.run import Run
    from genframe.stored import RunFolder
    from genframe.tracking import Trackers

    run = Run.open(folder)
    recipe = RunFolder(run).whole_recipe(settings, options.registry(files))
    if not recipe.track:
        return True
    last = max((int(row["step"]) for row in rows(run.metrics)), default=0)
    trackers = Trackers.of(recipe.track)

    def warn(line: str, more: str) -> None:
        click.echo(f"warning: {line}", err=True)

    def say(line: str) -> None:
        click.echo(line, err=True)

    return trackers.send(folder, resolved(recipe), last, warn, say, again=not settings)
