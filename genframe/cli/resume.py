"""`genframe resume RUN`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from genframe.cli import options
from genframe.cli.train import finished

EPILOG = """\b
Examples:
  genframe resume runs/vae-digits-20260101-120000
  genframe resume runs/vae-digits-20260101-120000 train.epochs=40

The run goes on from its newest whole checkpoint, to the same weights as if it had never stopped. Changed settings
are recorded beside the recipe."""


@click.command("resume", epilog=EPILOG)
@options.run
@options.overrides
@options.preview
@options.plain
@options.no_report
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@options.as_json
@options.plugins
def command(
    run: Path,
    overrides: tuple[str, ...],
    preview: bool,
    plain: bool,
    report: bool,
    quiet: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Go on with a run; settings such as train.epochs=40 train it for longer."""
    from genframe import api
    from genframe.engine.progress import progress_for
    from genframe.stored import run_folder

    shown = progress_for(sys.stderr, quiet=quiet, plain=plain, preview=preview)
    found = options.registry(files)
    folder = api.resume(run, overrides, progress=shown, registry=found, report=report)
    finished(folder, quiet, json_, run_folder(folder).whole_recipe((), found))
