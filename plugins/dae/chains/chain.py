"""Draws from a model's Markov chain: corrupt, encode, decode, sample."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, Ge

from .walk import Transition, observed_mask, starts, walk

CHAINS_AT_ONCE = 1000


def chain(
    transition: Transition,
    data: Any,
    n: int,
    *,
    burn_in: Annotated[int, Ge(0)] = 100,
    thin: Count = 1,
    chains: Count | None = None,
    start: Literal["data", "noise", "others"] = "data",
    move: Literal["sample", "mean"] = "sample",
    draw: Literal["sample", "mean"] = "sample",
    observed: Literal["nothing", "left", "right", "top", "bottom", "border"] = "nothing",
) -> Tensor:
    """n draws (n, ...) of the chain x -> x' ~ p(x'|x), one chain's draws after another's, in their order.

    Bengio et al. 2013, Generalized Denoising Auto-Encoders, section 3: a denoiser learns p(x|x~), and corrupting,
    denoising and sampling in turn has a stationary law that is close to the data's. transition: an output x ->
    p(x'|x), `restore(noise.noised(x))` in the pipeline `dae`; or a state -> (p(x'|state), next state), which a
    generative stochastic network has. `chains` run at once (by default one a draw, so that draws are independent)
    from examples of the training data, or from uniform noise; `burn_in` steps are left out and then each `thin`-th
    is kept. move: whether p(x'|x) is sampled before it is corrupted again, as it must be for the stationary law, or
    its mean is taken. draw: what is kept of each step; the mean is what papers show, and is no draw of the law.
    observed: a part of x that is fixed to that of examples of the data, so that the rest is drawn given it
    (clamping: in-painting). start: `data` has the rest begin as these examples have it, which a chain that mixes slowly
    remembers; `others` as other examples have it; from `noise` a chain may find a mode that the data don't have.
    """
    chains = min(chains or n, n)
    rounds = -(-n // chains)
    first, examples = starts(data, chains, start)
    mask = None
    if observed != "nothing":
        mask = observed_mask(first.shape[1:], observed, first.device)
        first = torch.where(mask, examples, first)
    blocks = []
    for state in torch.split(first, CHAINS_AT_ONCE):
        steps = walk(transition, state, move, mask)
        kept = islice(steps, burn_in + thin - 1, burn_in + thin * rounds, thin)
        drawn = torch.stack([_drawn(law, x, move, draw) for law, x in kept], 1)  # (chains, rounds, ...)
        blocks.append(drawn if mask is None else torch.where(mask, state.unsqueeze(1), drawn))
    return torch.cat(blocks).flatten(0, 1)[:n]


def _drawn(law: Distribution, x: Tensor, move: str, draw: str) -> Tensor:
    """What is kept of a step that moved to x."""
    if draw == "mean":
        return law.mean
    return x if move == "sample" else law.sample()
