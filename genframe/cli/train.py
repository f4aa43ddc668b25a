"""`genframe train RECIPE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genframe.cli import options

if TYPE_CHECKING:
    from genframe.recipe.model import Recipe

EPILOG = """\b
Examples:
  genframe train vae/digits
  genframe train my.yaml --run-dir runs/first
  genframe train my.yaml prior.dim=10 decoder.hidden='[200, 200]' train.epochs=5
  genframe train my.yaml -p ./my_parts.py
  genframe train my.yaml --wandb track.wandb.mode=offline
  genframe train my.yaml --locked runs/first/lock.json
  genframe train my.yaml --preview --evaluate

\b
RECIPE is a file, or the name of an installed recipe (genframe recipes list).
Settings KEY.PATH=VALUE are merged onto the recipe, last of all. Ctrl-C finishes the step and saves:
genframe resume RUN goes on from there. From elsewhere, genframe watch RUN shows the same as a terminal does here.

With --locked, another recipe, component (its version, revision or source) or data set is refused, all differences
at once, before anything is written (exit code 4); another torch, Python, device or processor is remarked upon."""

_NEXT = {
    "sample": "genframe sample {run} -n 64 -o samples.png",
    "denoise": "genframe denoise {run} PICTURE -o restored.png",
}
"""The verb that calls an output, by the output's name."""


@click.command("train", epilog=EPILOG)
@options.recipe
@options.overrides
@click.option(
    "--run-dir", metavar="DIR", type=click.Path(path_type=Path), help="The run's folder; must not exist."
)
@click.option(
    "--locked", metavar="LOCK", type=click.Path(path_type=Path),
    help="Refuse to train anything but what this lock.json (or run, or packed file) says.",
)  # fmt: skip
@options.trackers
@options.preview
@options.plain
@click.option("--evaluate", is_flag=True, help="Then measure it, as genframe evaluate does.")
@options.no_report
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@options.as_json
@options.plugins
def command(
    recipe: str,
    overrides: tuple[str, ...],
    run_dir: Path | None,
    locked: Path | None,
    track: tuple[str, ...],
    wandb: bool,
    preview: bool,
    plain: bool,
    evaluate: bool,
    report: bool,
    quiet: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Train a recipe in a new run folder."""
    found = options.registry(files)
    from genframe.recipe import load_recipe
    from genframe.stored import lock_of

    lock = lock_of(locked) if locked is not None else None
    settings = [*options.tracked(track, wandb), *overrides]
    checked = load_recipe(recipe, settings, registry=found)  # a mistake is told before torch is loaded
    from genframe.engine import loop
    from genframe.engine.progress import can_live, progress_for
    from genframe.report.drawn import again, at_the_end

    afterwards = _evaluation(checked, run_dir) if evaluate else None
    shown = progress_for(sys.stderr, quiet=quiet, plain=plain, preview=preview, afterwards=afterwards)
    ended = at_the_end if report else None
    if not evaluate:
        folder = loop.train(checked, run_dir, progress=shown, command=sys.argv, locked=lock, ended=ended)
        finished(folder, quiet, json_, checked)
        return
    from genframe.cli.evaluate import measure, print_figures
    from genframe.evaluations import FILE

    with _said_on_failure(quiet) as lines:
        folder = loop.train(
            checked, run_dir, progress=shown, command=sys.argv, locked=lock, ended=ended, said=lines.append
        )
        if not json_:  # should measuring fail, it is said where the run is
            finished(folder, quiet, json_, checked, next_=False)
        measured, drawn = measure(folder, shown=not quiet and not plain and can_live(sys.stderr), files=files)
    if report:
        again(folder, found, lambda text: click.echo(text, err=True))
    if json_:
        finished(folder, quiet, json_, checked, evaluations=measured)
    elif not quiet:
        print_figures(measured, [folder / FILE, *drawn])


@contextmanager
def _said_on_failure(quiet: bool) -> Iterator[list[str]]:
    """Gives a list for what the trackers say of the training: of the run that is measured they will say it anew."""
    lines: list[str] = []
    try:
        yield lines
    except BaseException:
        with suppress(OSError):  # a display that is gone
            for line in () if quiet else lines:
                click.echo(line, err=True)
        raise


def _evaluation(recipe: Recipe, run_dir: Path | None) -> float:
    """How long measuring the run will take, by earlier runs beside it; NaN where nobody knows."""
    from genframe.runs import evaluation_seconds

    if not recipe.evaluate:
        raise click.UsageError("the recipe names no metric to --evaluate by: add some under `evaluate:`")
    beside = run_dir.absolute().parent if run_dir is not None else Path("runs")
    known = evaluation_seconds(beside, recipe.name, [metric.name for metric in recipe.evaluate])
    return nan if known is None else known


def finished(
    folder: Path,
    quiet: bool,
    json_: bool,
    recipe: Recipe,
    *,
    next_: bool = True,
    evaluations: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Say where everything is, and what is next for a run of this recipe."""
    pictures = sorted((folder / "samples").glob("*.png"))
    if json_:
        told = {"run": str(folder), "pictures": [str(path) for path in pictures]}
        options.print_json(told if evaluations is None else told | {"evaluations": evaluations})
    elif not quiet:
        click.echo(f"run       {folder}")
        if pictures:
            click.echo(
                f"pictures  {folder / 'samples'} ({len(pictures)}; newest {_newest_sample(pictures).name})"
            )
        if (folder / "report.html").exists():
            click.echo(f"report    {folder / 'report.html'}")
        if not next_:
            return
        outputs = {output.names[0] for output in recipe.outputs}
        lines = [f"genframe evaluate {folder}"] if recipe.evaluate else []
        lines += [verb.format(run=folder) for output, verb in _NEXT.items() if output in outputs]
        if lines:
            click.echo("next      " + "\n          ".join(lines))


def _newest_sample(pictures: list[Path]) -> Path:
    samples = [path for path in pictures if path.name.startswith("sample-")]
    return max(samples or pictures)
