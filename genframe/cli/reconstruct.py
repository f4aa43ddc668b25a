"""`genframe reconstruct RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe reconstruct runs/vae-digits-20260101-120000 -o reconstructions.png
  genframe reconstruct runs/vae-digits-20260101-120000 -n 1000 --split train -o both.npz
  genframe reconstruct runs/gan-restore-digits-20260101-120000 --output restoration -o restored.png
  genframe reconstruct runs/conditional-digits-20260101-120000 --class 7 -o as-sevens.png

\b
.png   rows of examples, each above the row of what became of them; vectors as points or lines over them
.npy   the reconstructions, .npz these as `reconstruction` and the examples as `x`"""


@click.command("reconstruct", epilog=EPILOG)
@click.option("-n", "n", default=32, show_default=True, type=click.IntRange(min=1), help="How many examples.")
@options.target
@options.split
@click.option(
    "--output", "name", default="reconstruct", show_default=True, help="Another output that takes examples."
)
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    n: int,
    target: Path,
    force: bool,
    split: str | None,
    name: str,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Put examples of the data beside what a run makes of them."""
    from genframe import exports

    exports.check_target(target, force)
    model = opening.model()
    asked = conditions.of(model, name)
    exports.reconstructions(model, target, n, split, name, asked, titles)
    click.echo(f"{target}: after step {model.step}")
