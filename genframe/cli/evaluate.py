"""`genframe evaluate RUN`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import options
from genframe.cli.tables import print_table, say
from genframe.cli.working import working

if TYPE_CHECKING:
    from torch import Tensor

    from genframe.errors import RecipeError
    from genframe.recipe.model import Recipe
    from genframe.run import Run

EPILOG = """\b
Examples:
  genframe evaluate runs/vae-digits-20260101-120000
  genframe evaluate runs/vae-digits-20260101-120000 elbo log-likelihood
  genframe evaluate runs/vae-digits-20260101-120000 --split train --json
  genframe evaluate runs/gan-digits-20260101-120000 fid kid '{use: neighbours, features: pixels}'
  genframe evaluate runs/unet-digits-20260101-120000 denoising --curves psnr.png

The metrics are those of the recipe (its `evaluate:`), or any that is installed, by its name or as a block with options.
Their figures are added to the run's evaluations.json, with the split, the counts, the seed and the versions that they
were measured by; pictures that a metric has go to its samples. A packed file is measured too, and
stays as it is."""


@click.command("evaluate", epilog=EPILOG)
@options.run
@click.argument("metrics", nargs=-1, metavar="[METRIC]...")
@options.split
@options.weights
@click.option(
    "--curves", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Draw figures that were measured at several levels as curves: .png.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--no-record", is_flag=True, help="Write nothing into the run, which may be training still.")
@options.as_json
@options.plugins
def command(
    run: Path,
    metrics: tuple[str, ...],
    split: str | None,
    raw: bool,
    step: int | None,
    device: str | None,
    curves: Path | None,
    force: bool,
    no_record: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Measure a run by the metrics of its recipe, and write the figures into it."""
    from genframe import evaluations, exports
    from genframe.packed import is_packed

    if curves is not None:
        if curves.suffix != ".png":
            raise click.BadParameter("curves are drawn into a .png", param_hint="--curves")
        exports.check_target(curves, force)
    no_record = no_record or is_packed(run)  # its content has digests: it stays as it is
    measured, drawn = measure(
        run,
        metrics,
        split,
        record=not no_record,
        shown=not json_ and sys.stderr.isatty(),
        files=files,
        raw=raw,
        step=step,
        device=device,
    )
    if curves is not None:
        exports.curves({key: value for row in measured for key, value in row["figures"].items()}, curves)
    if json_:
        options.print_json(measured)
    else:
        print_figures(measured, [] if no_record else [run / evaluations.FILE, *drawn])


def measure(
    run: Path,
    metrics: Sequence[str] = (),
    split: str | None = None,
    *,
    record: bool = True,
    shown: bool = True,
    files: tuple[Path, ...] = (),
    **weights: Any,
) -> tuple[list[dict[str, Any]], list[Path]]:
    """A run's figures, and the pictures that were drawn of them: in its folder, where it is to `record` both.

    shown: whether the terminal is told meanwhile. weights: which of them, as `options.model` takes them.
    """
    from genframe import evaluations, exports

    drawn: list[Path] = []
    with ExitStack() as stack:
        folder = stack.enter_context(_writable(run)) if record else None  # told before, not after the work
        chosen = {"raw": False, "step": None, "device": None, **weights}
        model = options.model(run, files=files, **chosen)
        if not metrics and not model.recipe.evaluate:
            raise _nothing_asked(run, model.recipe)
        with working("opening the data", shown=shown) as work:
            pictures: dict[str, Tensor] = {}

            def told(name: str, place: int, count: int) -> None:
                work.begin(f"{name}, {place} of {count}")

            measured = model.evaluate(
                *metrics, split=split, told=told, tell=work.tell, show=pictures.__setitem__
            )
        if folder is not None:
            evaluations.add(folder, measured)
            drawn = [exports.evaluation_picture(folder, model.step, *found) for found in pictures.items()]
            _tell_trackers(folder.folder, files)
    return measured, drawn


def _nothing_asked(run: Path, recipe: Recipe) -> RecipeError:
    """That the recipe names no metric, and which would suit it."""
    from genframe.engine.evaluation import suited
    from genframe.errors import Problem, RecipeError

    names = suited(recipe)
    message = "the recipe names no metric under `evaluate:`"
    if names:
        message += f"; by its outputs these may suit it: {', '.join(names)}"
    command = f"genframe evaluate {run} {names[0]}" if names else "genframe list metric"
    return RecipeError(Problem("GF532", message, path="evaluate", command=command))


def _tell_trackers(folder: Path, files: tuple[Path, ...]) -> None:
    """Hand the figures on; a tracker whose plugin is gone, say, is a warning: they stand in the run already."""
    from genframe.cli.track import sent
    from genframe.errors import GenframeError

    try:
        sent(folder, files)
    except GenframeError as error:
        click.echo(f"warning: the run's trackers were not told: {error.problems[0].message}", err=True)


def _writable(folder: Path) -> Run:
    from genframe.errors import RunError
    from genframe.run import Run

    try:
        return Run.open(folder, writable=True)
    except RunError as error:
        command = f"genframe evaluate {folder} --no-record"
        problems = (replace(p, command=command) if p.code == "GF712" else p for p in error.problems)
        raise RunError(*(options.with_list(problem, folder) for problem in problems)) from None


def print_figures(measured: list[dict[str, Any]], written: Sequence[Path]) -> None:
    """Figures as a table, by which protocol, and where they were written to."""
    rows = [
        (row["metric"], name, f"{value:.6g}") for row in measured for name, value in row["figures"].items()
    ]
    print_table(("metric", "figure", "value"), rows)
    protocol = measured[0]["protocol"]
    say(
        f"\n{protocol['split']} split, {protocol['examples']:,} examples, step {protocol['step']}, "
        f"{protocol['weights']} weights, seed {protocol['seed']}"
    )
    for row in measured:
        told = row["protocol"].get("provenance", {})
        if told:
            say(f"{row['metric']}: " + ", ".join(f"{name} {value}" for name, value in told.items()))
    if written:
        say(f"written to {', '.join(map(str, written))}")
