"""The steps of a Markov chain whose transition a model gives, many chains at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

Transition = Callable[[Any], Any]
"""A state -> p(x'|state), or (p(x'|state), the next state), where a model keeps more than x from step to step.

A state is x (chains, ...), or a sequence that begins with it.
"""

Observed = Literal["nothing", "left", "right", "top", "bottom", "border"]

POOL = 10_000
"""Chains start from so many of the first examples at most."""


def walk(
    transition: Transition,
    state: Any,
    move: Literal["sample", "mean"] = "sample",
    observed: Tensor | None = None,
) -> Iterator[tuple[Distribution, Tensor]]:
    """For ever: p(x'|state) of a step, and the x' (chains, ...) that the chain moved to.

    Where `observed` (a mask of one example) is True, x stays what it was at the start. A transition that gives the
    next state too has moved by itself, and `move` is without effect.
    """
    kept = visible(state)
    while True:
        made = transition(state)
        if isinstance(made, tuple):
            law, state = made
        else:
            law, state = made, made.sample() if move == "sample" else made.mean
        if observed is not None:
            x = torch.where(observed, kept, visible(state))
            state = x if isinstance(state, Tensor) else (x, *state[1:])
        yield law, visible(state)


def visible(state: Any) -> Tensor:
    """x (chains, ...) of a state."""
    x: Tensor = state if isinstance(state, Tensor) else state[0]
    return x


Start = Literal["data", "noise", "others"]


def starts(data: Any, count: int, start: Start) -> tuple[Tensor, Tensor]:
    """Where `count` chains start, and an example of the data for each, which is what is observed of it: (count, ...).

    The examples are drawn from the first POOL without replacement as long as they last. noise: uniform between the
    least and the largest value of the data. others: examples of a draw of their own, so that what is not observed is no
    example's that is.
    """
    pool = data.first(POOL)["x"]
    rounds = [torch.randperm(len(pool), device=pool.device) for _ in range(-(-count // len(pool)))]
    examples = pool[torch.cat(rounds)[:count]]
    if start == "data":
        return examples, examples
    if start == "others":
        return pool[torch.randint(len(pool), (count,), device=pool.device)], examples
    low, high = pool.aminmax()
    return low + (high - low) * torch.rand_like(examples), examples


def observed_mask(shape: torch.Size, observed: Observed, device: torch.device) -> Tensor:
    """Which values of an example of this shape are observed: boolean (*shape).

    Halves of a picture (..., height, width), or its `border`: all but the box in the middle, half as high and as
    wide. A vector has a left and a right half. Raises ValueError for the others of a vector.
    """
    if len(shape) == 1 and observed not in ("nothing", "left", "right"):
        raise ValueError(f"of a vector the left or the right half can be observed, not the {observed}")
    mask = torch.zeros(shape, dtype=torch.bool, device=device)
    width, height = shape[-1], shape[-2] if len(shape) > 1 else 1
    if observed == "left":
        mask[..., : width // 2] = True
    elif observed == "right":
        mask[..., width // 2 :] = True
    elif observed == "top":
        mask[..., : height // 2, :] = True
    elif observed == "bottom":
        mask[..., height // 2 :, :] = True
    elif observed == "border":
        mask[...] = True
        mask[..., height // 4 : height - height // 4, width // 4 : width - width // 4] = False
    return mask
