"""`genframe walk RUN`."""

from __future__ import annotations

from pathlib import Path

import click

from genframe.cli import options

EPILOG = """\b
Examples:
  genframe walk runs/walkback-digits-20260101-120000 -o walk.png
  genframe walk runs/walkback-digits-20260101-120000 --example 3 --steps 200 --every 20 -o walk.png
  genframe walk runs/gsn-digits-20260101-120000 --steps 100 -n 16 -o walk.gif
  genframe walk runs/gan-digits-20260101-120000 --steps 60 -n 4 -o walk.gif

\b
.png   a row for each chain, a column for each step that is shown; points as paths over the data
.gif   all chains at once, step by step
.npy   what is shown (steps, chains, ...), .npz this as `x` and the steps as `step`

\b
The chain is the first that the recipe's outputs allow; --by names another:
  transition    the recipe's own x -> x' ~ p(x'|x): denoising autoencoders, generative stochastic networks, RBMs
  gibbs         draw_code, decode: z ~ q(z|x), then the mean of p(x|z) (Rezende et al. 2014)
  restored      corrupted and denoised in turn
  coding        encode, decode: without any draw
  reconstruct   reconstructed again and again
  latent        a random walk of codes that keeps the prior: where nothing takes x, as in a GAN"""


@click.command("walk", epilog=EPILOG)
@click.option("--steps", default=20, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option(
    "--every", default=1, show_default=True, type=click.IntRange(min=1), help="Show each such step."
)
@click.option("-n", "count", default=8, show_default=True, type=click.IntRange(1, 10_000), help="Chains.")
@click.option(
    "--example", type=click.IntRange(min=0), help="Start from examples, from this one on.  [default: noise]"
)
@click.option("--by", metavar="CHAIN", help="Which chain, see below.")
@click.option("--draws", is_flag=True, help="Show the x' that were drawn, not the means of p(x'|x).")
@click.option("--seed", default=0, show_default=True, help="The same seed walks the same way.")
@options.target
@options.split
@options.conditions
@options.titles
@options.opening
def command(
    opening: options.Opening,
    steps: int,
    every: int,
    count: int,
    example: int | None,
    by: str | None,
    draws: bool,
    seed: int,
    target: Path,
    force: bool,
    split: str | None,
    conditions: options.Conditions,
    titles: bool,
) -> None:
    """Draw a model's Markov chain step by step."""
    from genframe import exports

    exports.check_target(target, force, moving=True)
    model = opening.model()

    from genframe.walk import CHAINS, chains, walk

    known = chains(model)
    name = by if by in known else next(iter(known), "transition")
    taken = CHAINS[str(name)].needs
    asked = conditions.of(model, *taken)
    found = walk(
        model, steps=steps, every=every, count=count, example=example, split=split, by=by, draws=draws,
        seed=seed, given=asked,
    )  # fmt: skip
    exports.walk(model, found, target, titles)
    click.echo(f"{target}: {found.of}, {steps} steps from {found.start}, after step {model.step}")
