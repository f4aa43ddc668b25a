"""`genframe sample RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe sample runs/vae-digits-20260101-120000 -n 64 -o samples.png
  genframe sample runs/vae-digits-20260101-120000 -n 10000 -o samples.npy --seed 7
  genframe sample runs/gan-ring-20260101-120000 -n 1000 -o ring.png --raw
  genframe sample runs/vae-digits-20260101-120000 -o mixture.png --sampler mixture
  genframe sample runs/vae-digits-20260101-120000 -o m.png --sampler '{use: mixture, components: 20}'

\b
.png   a grid of pictures, or a scatter of points over the data
.gif   pictures one after another: a chain as it walks (--sampler '{use: chain, chains: 1, burn_in: 0}')
.npy   the samples as an array, .npz the same as `x`

A sampler draws in its own way (genframe list sampler). It is one that the recipe names under `samplers:`, or any
that is installed. One that must be fitted is, once, to the training data; the fit is stored beside the run."""


@click.command("sample", epilog=EPILOG)
@options.run
@click.option("-n", "n", default=64, show_default=True, type=click.IntRange(min=1), help="How many.")
@options.target
@click.option("--seed", default=0, show_default=True, help="The same seed draws the same samples.")
@click.option("--output", "name", help="Another output of one argument, n, than `sample`.")
@click.option("--sampler", metavar="NAME", help="Draw by this sampler: a name, or {use: NAME, option: ...}.")
@options.weights
@options.plugins
def command(
    run: Path,
    n: int,
    target: Path,
    force: bool,
    seed: int,
    name: str | None,
    sampler: str | None,
    raw: bool,
    step: int | None,
    device: str | None,
    files: tuple[Path, ...],
) -> None:
    """Draw samples from a run into a picture or an array."""
    from genframe import exports

    if sampler is not None and name is not None:
        raise click.UsageError("--sampler and --output are two ways to draw: give one of them")
    exports.check_target(target, force, moving=True)
    model = options.model(run, raw=raw, step=step, device=device, files=files)
    exports.samples(model, target, n, seed, name or "sample", sampler)
    click.echo(f"{target}: {n} samples, seed {seed}, after step {model.step}")
