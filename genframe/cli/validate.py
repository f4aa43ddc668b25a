"""`genframe validate RECIPE`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe validate my.yaml
  genframe validate my.yaml --quick
  genframe validate vae/digits prior.dim=10 --json

--quick checks keys, names, types and bounds without importing torch; the full check also builds every component and
makes a trial run of two examples, forward and backward, on the CPU: shapes, gradients, who trains what."""


@click.command("validate", epilog=EPILOG)
@options.recipe
@options.overrides
@click.option("--quick", is_flag=True, help="Without torch: keys, names, types, bounds.")
@options.as_json
@options.plugins
def command(
    recipe: str, overrides: tuple[str, ...], quick: bool, json_: bool, files: tuple[Path, ...]
) -> None:
    """Check a recipe; every mistake is listed with its place, the nearest name and what to do."""
    from genframe.errors import GenframeError, Problem
    from genframe.recipe import load_recipe

    remarks: list[Problem] = []
    try:
        checked = load_recipe(recipe, overrides, registry=options.registry(files))
        remarks += checked.remarks
        if not quick:
            from genframe.compiling import compile_plan

            remarks += compile_plan(checked).remarks
    except GenframeError as error:
        if not json_:
            raise
        problems = [problem.as_dict() for problem in (*error.problems, *remarks)]
        options.print_json({"recipe": recipe, "valid": False, "problems": problems})
        raise SystemExit(error.exit_code) from None
    if json_:
        problems = [remark.as_dict() for remark in remarks]
        options.print_json({"recipe": recipe, "valid": True, "problems": problems})
        return
    if remarks:
        from genframe.rendering import print_remarks

        print_remarks(remarks, sys.stdout)
        click.echo()
    click.echo(f"{recipe}: no errors" + (" (quick)" if quick else ""))
