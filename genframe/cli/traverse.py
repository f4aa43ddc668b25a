"""`genframe traverse RUN`."""

from __future__ import annotations

import math
from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe traverse runs/vae-digits-20260101-120000 -o traversal.png
  genframe traverse runs/sprites-20260101-120000 --latents 0,1,2 --steps 11 --range -2,2 -o traversal.png
  genframe traverse runs/sprites-20260101-120000 --example 7 --split train -o traversal.npz
  genframe traverse runs/gan-digits-20260101-120000 --prior -o traversal.png

\b
.png   a row for each latent: what it does from one end of the range to the other, all others as they were
.gif   the latents beside each other, as they move
.npy   the pictures (latents, steps, ...), .npz these as `x` and the codes as `z`

The outputs `encode` and `decode` are called. Without --latents, the ten that vary most over the data."""


def _ends(context: click.Context, parameter: click.Parameter, value: str) -> tuple[float, float]:
    """`-3,3`."""
    try:
        low, high = (float(word) for word in value.split(","))
        if low < high and math.isfinite(high - low):
            return low, high
    except ValueError:
        pass
    raise click.BadParameter(f"two numbers, the smaller first, -3,3, not {value!r}")


@click.command("traverse", epilog=EPILOG)
@click.option(
    "--latents", metavar="NUMBERS", callback=options.numbers, help="Which, 0,1,2; else those that vary most."
)
@click.option("--steps", default=9, show_default=True, type=click.IntRange(2, 100), help="Pictures in a row.")
@click.option(
    "--range", "ends", metavar="LOW,HIGH", default="-3,3", show_default=True, callback=_ends,
    help="The values that a latent goes through.",
)  # fmt: skip
@click.option("--example", type=click.IntRange(min=0), help="Start from this example's code.  [default: 0]")
@click.option("--prior", is_flag=True, help="Start from the prior's mean; so it is where nothing encodes.")
@options.target
@options.split
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    latents: tuple[int, ...] | None,
    steps: int,
    ends: tuple[float, float],
    example: int | None,
    prior: bool,
    target: Path,
    force: bool,
    split: str | None,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Draw what each latent does."""
    from genframe import exports
    from genframe.traversal import traverse

    if prior and example is not None:
        raise click.UsageError("--example and --prior are two places to start from: give one of them")
    exports.check_target(target, force, moving=True)
    model = opening.model()
    if example is None and not prior and "encode" in model.outputs:
        example = 0
    asked = conditions.of(model, "decode", "encode")
    found = traverse(model, latents or (), steps=steps, ends=ends, example=example, split=split, given=asked)
    start = "the prior's mean" if example is None else f"example {example}"
    exports.traversal(model, found, target, start, titles)
    rows = ", ".join(map(str, found.latents))
    click.echo(f"{target}: latents {rows}, from {start}, after step {model.step}")
