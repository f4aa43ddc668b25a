"""One arm of a contest as a process of its own: `arm.py MODEL LOOP --turns N --size N ...`, started by contest.py."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from turns import Turns

if TYPE_CHECKING:
    from likelihood import Estimate


DENOISERS = ("dae-mlp", "dae-conv", "hidden-noise", "gradient-noise", "weight-noise")
MODELS = ("mlp", "conv", "dcgan", *DENOISERS, "beta-vae", "iwae", "vamp", "iaf", "wae", "vq", "rae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=(*MODELS, "nll", "chain", "gemm"))
    parser.add_argument("loop")
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--size", type=int, required=True, help="steps of a turn; pictures, samples")
    parser.add_argument("--scratch", type=Path, help="a folder for runs")
    parser.add_argument("--samples", type=int, default=5000, help="k of nll")
    options = parser.parse_args()
    turns = Turns()
    if options.model == "gemm":
        gemm(turns, options.turns)
    elif options.model == "nll":
        nll(turns, options)
    elif options.model == "chain":
        chain(turns, options)
    elif options.loop.startswith("genframe"):
        from recipe_loop import train

        bf16 = options.loop.endswith("bf16")
        more = ("play=simultaneous",) if options.loop.endswith("at-once") else ()
        more += ("track={wandb: {use: wandb, mode: offline}}",) if options.loop.endswith("wandb") else ()
        every = {"log_every": 1} if "every-step" in options.loop else {}
        folder = options.scratch / options.loop
        train(turns, options.model, options.turns, options.size, folder, bf16=bf16, more=more, **every)
    elif options.loop.startswith("lean"):
        lean(turns, options.model, options.loop, options.turns, options.size)
    else:
        import peers

        peers.LOOPS[options.loop](turns, options.model, options.turns, options.size)


def lean(turns: Turns, model: str, loop: str, number: int, steps: int) -> None:
    """`lean` as any process; `lean-naive` a tutorial's loop; `lean-tuned` with genframe's process settings.

    `lean-tuned-bf16` is also under autocast, `lean-tuned-at-once` both players from one forward pass.
    """
    tuned, bf16 = "tuned" in loop, "bf16" in loop
    if tuned:
        from genframe.engine.process import tune

        tune()
    import lean
    import nets
    import torch

    torch.manual_seed(0)
    if model in nets.DENOISERS:
        parameters, train = lean.dae(model, channels_last=tuned)
    elif model == "dcgan":
        if loop == "lean-naive":
            parameters, train = lean.dcgan_naive()
        elif loop.endswith("at-once"):
            parameters, train = lean.dcgan_at_once(channels_last=tuned)
        else:
            parameters, train = lean.dcgan(channels_last=tuned, bf16=bf16)
    else:
        parameters, train = lean.vae(model, bf16=bf16)
    turns.ready(parameters)
    for _ in range(number):
        turns.wait()
        loss = train(steps)
        turns.done(steps * nets.BATCH[model], loss)


def nll(turns: Turns, options: argparse.Namespace) -> None:
    """All arms estimate with the weights of one run, under the same process settings."""
    if options.loop == "pythae":
        from peers import tune
    else:
        from genframe.engine.process import tune
    tune()
    import likelihood
    import torch

    torch.manual_seed(0)
    estimate: Estimate
    if options.loop.startswith("genframe"):
        estimate = likelihood.by_genframe(
            options.scratch, "bf16" if options.loop.endswith("bf16") else "fp32"
        )
    elif options.loop == "pythae":
        estimate = likelihood.by_pythae(options.scratch, options.samples)
    else:
        estimate = likelihood.by_hand(options.scratch, options.samples)
    turns.ready(0)
    for _ in range(options.turns):
        turns.wait()
        turns.done(options.size, estimate(options.size))


def chain(turns: Turns, options: argparse.Namespace) -> None:
    """Both arms draw by the weights of one run, under the same process settings."""
    from genframe.engine.process import tune

    tune()
    import chains
    import torch

    torch.manual_seed(0)
    draw = (chains.by_genframe if options.loop == "genframe" else chains.by_hand)(options.scratch)
    turns.ready(0)
    for _ in range(options.turns):
        turns.wait()
        turns.done(options.size, draw(options.size))


def gemm(turns: Turns, number: int) -> None:
    """How fast the machine is in this round: products of 1024x1024 matrices, in GFLOP."""
    import torch

    a = torch.randn(1024, 1024)
    turns.ready(0)
    for _ in range(number):
        turns.wait()
        for _ in range(10):
            a @ a
        turns.done(10 * 2 * 1024**3 // 10**9, 0.0)


if __name__ == "__main__":
    main()
