"""Gibbs chains as samplers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count


def gibbs(
    start: Callable[[int], Tensor],
    transition: Callable[[Tensor], Tensor],
    n: int,
    *,
    chains: Count = 100,
    burn_in: Count = 1000,
    thin: Count = 10,
) -> Tensor:
    """n draws (n, ...) from `chains` Markov chains side by side: one of each every `thin` sweeps after `burn_in`.

    start: an output n -> states (n, ...). transition: an output, states -> states one sweep on. Draws of one chain
    are neighbours in time, not independent.
    """
    state, drawn = start(min(chains, n)), []
    for sweep in range(burn_in + thin * -(-n // len(state))):
        state = transition(state)
        if sweep >= burn_in and (sweep - burn_in + 1) % thin == 0:
            drawn.append(state)
    return torch.cat(drawn)[:n]


def inpaint(
    complete: Callable[[Tensor, Tensor], Tensor],
    data: Any,
    n: int,
    *,
    hide: Literal["left", "right", "top", "bottom"] = "right",
) -> Tensor:
    """The first n pictures of the data with one half drawn anew, given the other: (n, channels, height, width).

    complete: an output (pictures, mask of what is held) -> pictures. n may go beyond the data: then pictures come
    again, with other draws.
    """
    rows = data.first(min(n, len(data)))["x"]
    pictures = rows[torch.arange(n, device=rows.device) % len(rows)]
    mask = torch.ones_like(pictures[:1])
    side = -1 if hide in ("left", "right") else -2
    half = mask.shape[side] // 2
    mask.narrow(side, 0 if hide in ("left", "top") else mask.shape[side] - half, half).zero_()
    return complete(pictures, mask)
