"""`genframe sample RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options
from genframe.cli.working import working

EPILOG = """\b
Examples:
  genframe sample runs/vae-digits-20260101-120000 -n 64 -o samples.png
  genframe sample runs/vae-digits-20260101-120000 -n 10000 -o samples.npy --seed 7
  genframe sample runs/gan-ring-20260101-120000 -n 1000 -o ring.png --raw
  genframe sample runs/vae-digits-20260101-120000 -o mixture.png --sampler mixture
  genframe sample runs/vae-digits-20260101-120000 -o m.png --sampler '{use: mixture, components: 20}'
  genframe sample runs/conditional-digits-20260101-120000 -o sevens.png --class 7
  genframe sample runs/conditional-digits-20260101-120000 -n 100 -o classes.png --given y=all

\b
.png   a grid of pictures, or a scatter of points over the data
.gif   pictures one after another: a chain as it walks (--sampler '{use: chain, chains: 1, burn_in: 0}')
.npy   the samples as an array, .npz the same as `x`

With a condition, draws of the prior are decoded under it: the outputs `draw_z` and `decode` are called. Of several
values each has a column.

A sampler draws in its own way (genframe list sampler). It is one that the recipe names under `samplers:`, or any
that is installed. One that must be fitted is, once, to the training data; the fit is stored beside the run."""


@click.command("sample", epilog=EPILOG)
@click.option("-n", "n", default=64, show_default=True, type=click.IntRange(min=1), help="How many.")
@options.target
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same samples.")
@click.option("--output", "name", help="Another output of one argument, n, than `sample`.")
@click.option("--sampler", metavar="NAME", help="Draw by this sampler: a name, or {use: NAME, option: ...}.")
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    n: int,
    target: Path,
    force: bool,
    seed: int,
    name: str | None,
    sampler: str | None,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Draw samples from a run into a picture or an array."""
    from genframe import exports

    if sampler is not None and name is not None:
        raise click.UsageError("--sampler and --output are two ways to draw: give one of them")
    if conditions and (sampler is not None or name is not None):
        raise click.UsageError("a condition is for the output `sample`: leave out --sampler and --output")
    exports.check_target(target, force, moving=True)
    model = opening.model()
    asked = conditions.of(model, "sample", "decode")
    with working(f"drawing {n:,} samples"):
        exports.samples(model, target, n, seed, name or "sample", sampler, asked, titles)
    click.echo(f"{target}: {n} samples, seed {seed}, after step {model.step}")
