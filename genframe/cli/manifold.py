"""`genframe manifold RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe manifold runs/2d-manifold-20260101-120000 -o manifold.png
  genframe manifold runs/vae-digits-20260101-120000 --side 12 -o plane.png
  genframe manifold runs/conditional-digits-20260101-120000 --class 7 -o sevens.png

\b
.png   the plane as a grid of pictures, its coordinates at the edges; points become the net that the plane becomes
.npy   the pictures (rows, columns, ...), .npz these as `x`, the codes as `z`, the coordinates as `across` and `up`

Of two latents the plane is the whole prior, by its inverse cdf: equal steps are equally probable (Kingma and Welling
2014, figure 4). Of more it goes through the first two principal axes of the codes of the data, q(z), in standard
deviations; where nothing encodes, through the two directions of p(z) that change samples most."""


@click.command("manifold", epilog=EPILOG)
@click.option("--side", default=20, show_default=True, type=click.IntRange(2, 100), help="Pictures a side.")
@click.option(
    "--margin", default=0.02, show_default=True, type=click.FloatRange(0, 0.5, min_open=True, max_open=True),
    help="The share of the probability that is left out at each end.",
)  # fmt: skip
@options.target
@options.split
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    side: int,
    margin: float,
    target: Path,
    force: bool,
    split: str | None,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Draw a plane of the codes."""
    from genframe import exports

    exports.check_target(target, force)
    model = opening.model()

    from genframe.manifold import manifold

    asked = conditions.of(model, "decode", "encode")
    found = manifold(model, side=side, margin=margin, split=split, given=asked)
    exports.manifold(model, found, target, titles)
    across, up = found.plane.names
    click.echo(f"{target}: {found.plane.of}, {across} and {up}, after step {model.step}")
