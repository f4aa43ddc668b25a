"""`genframe report RUN [RUN ...]`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe report runs/vae-digits-20260101-120000
  genframe report runs/vae-digits-20260101-120000 --audit -o vae.html
  genframe report runs/vae-digits-* -o comparison.html

\b
One run: pictures over time, curves, the plan, figures with their protocol, the audit, the recipe, versions.
Several: a leaderboard (runs that differ in the seed alone are one row, mean ± 95 % interval), in what the recipes
differ, curves over each other. Figures of unlike protocols never stand side by side; what differs is said.

Each training ends with such a page, RUN/report.html (--no-report leaves it out). It is one file of at most 5 MB that
opens from disk and asks the network for nothing."""


@click.command("report", epilog=EPILOG)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "-o", "target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; else RUN/report.html, and for several runs comparison.html here.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option(
    "--audit", is_flag=True, help="Audit the prior first: genframe audit RUN, which may take minutes."
)
@click.option(
    "--stored",
    is_flag=True,
    help="Take what is stored alone: the model is not opened to draw what is missing.",
)
@options.as_json
@options.plugins
def command(
    runs: tuple[Path, ...],
    target: Path | None,
    force: bool,
    audit: bool,
    stored: bool,
    json_: bool,
    files: tuple[Path, ...],
) -> None:
    """Write a page about a run, or one that compares several."""
    from genframe import report

    runs = tuple(dict.fromkeys(runs))
    if len(runs) > 1 and audit:
        raise click.UsageError("--audit is of one run; audit each with genframe audit RUN, then compare")
    if target is None and len(runs) > 1:
        target = Path("comparison.html")
    if target is not None:
        _check(target, force)
    missing = []
    if len(runs) == 1 and not stored:
        from genframe.report import drawn

        known = options.registry(files)
        missing = drawn.complete(runs[0], known, audit=audit, tell=lambda text: click.echo(text, err=True))
    written = report.write(runs, target or runs[0] / report.FILE, missing)
    if json_:
        options.print_json({"report": str(written), "runs": [str(run) for run in runs]})
    else:
        click.echo(f"{written}  ({written.stat().st_size / 1e6:.2g} MB)")


def _check(target: Path, force: bool) -> None:
    """Before anything is computed."""
    from genframe.errors import Problem, RecipeError

    if target.suffix.lower() not in (".html", ".htm"):
        message = f"a report is a page: name it {target.with_suffix('.html').name}, not {target.name}"
        raise RecipeError(Problem("GF803", message))
    if target.exists() and not force:
        raise RecipeError(Problem("GF801", f"{target} is there already; --force overwrites it"))
