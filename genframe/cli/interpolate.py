"""`genframe interpolate RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe interpolate runs/vae-digits-20260101-120000 -o between.png
  genframe interpolate runs/vae-digits-20260101-120000 --examples 3,14,15 --steps 24 -o between.gif
  genframe interpolate runs/gan-digits-20260101-120000 --seeds 0,1,2,3 -o between.png
  genframe interpolate runs/conditional-digits-20260101-120000 --seeds 0,1 --class 7 -o sevens.png

\b
.png   a row for each way from one stop to the next; the examples themselves at its ends
.gif   the way as it goes, and back
.npy   the pictures (ways, steps, ...), .npz these as `x`, the codes as `z` and the places as `t`

Two examples are encoded, and what lies between their codes is decoded: the outputs `encode` and `decode` are called. A
model that encodes nothing, a GAN, goes from one draw of its prior to the next, by --seeds.

Codes are joined by an arc where the prior is the same however it is turned, as a Gaussian is: in many dimensions the
middle of a straight line is where the prior draws nothing (White 2016). Elsewhere by a line."""


@click.command("interpolate", epilog=EPILOG)
@click.option(
    "--examples", metavar="NUMBERS", callback=options.numbers,
    help="From example to example of the split, 0,1.  [default: 0,1]",
)  # fmt: skip
@click.option(
    "--seeds", metavar="NUMBERS", callback=options.numbers,
    help="From draw to draw of the prior instead; the default of a model that encodes nothing: 0,1.",
)  # fmt: skip
@click.option(
    "--steps", default=9, show_default=True, type=click.IntRange(2, 1000), help="Pictures of a way."
)
@click.option(
    "--method", type=click.Choice(["spherical", "linear"]),
    help="The arc or the line; by default what suits the prior.",
)  # fmt: skip
@options.target
@options.split
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    examples: tuple[int, ...] | None,
    seeds: tuple[int, ...] | None,
    steps: int,
    method: str | None,
    target: Path,
    force: bool,
    split: str | None,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Draw what lies between two codes."""
    from genframe import exports

    if examples is not None and seeds is not None:
        raise click.UsageError("--examples and --seeds are two kinds of stops: give one of them")
    exports.check_target(target, force, moving=True)
    model = opening.model()

    from genframe.interpolation import interpolate

    asked = conditions.of(model, "decode", "encode")
    found = interpolate(model, examples, seeds=seeds, steps=steps, method=method, split=split, given=asked)
    exports.interpolation(model, found, target, titles)
    told = "".join(f", {text}" for text in found.told)
    click.echo(f"{target}: {' to '.join(found.names)}, {found.method}{told}, after step {model.step}")
