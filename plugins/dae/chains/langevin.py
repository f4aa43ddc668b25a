"""Annealed Langevin dynamics by the score that a denoiser learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Count, Ge, Positive

from .walk import starts


def langevin(
    denoise_at: Callable[[Tensor, Tensor], Tensor],
    data: Any,
    n: int,
    *,
    high: Positive = 1.0,
    low: Positive = 0.05,
    levels: Count = 10,
    steps: Annotated[int, Ge(0)] = 100,
    step_size: Positive = 0.1,
    denoise_last: bool = True,
) -> Tensor:
    """n draws (n, ...) by Langevin dynamics at noise levels that fall from `high` to `low`, each from uniform noise.

        x <- x + a/2 score(x) + sqrt(a) e,    score(x) = (denoise(x, level) - x) / level^2,    a = step_size level^2

    Song and Ermon 2019, algorithm 1, with the score of the noised data that the best denoiser of Gaussian noise has
    (Vincent 2011; Alain and Bengio 2014). denoise_at: an output (x, level (n,)) -> E[clean x]. The levels are a
    geometric sequence, `steps` at each; a step of a finite size leaves a Gaussian of variance v = s^2 + level^2 a
    stationary variance of v / (1 - a / (4 v)). denoise_last: give the denoised last state, without the noise of
    level `low` that the law there still has.
    """
    x, _ = starts(data, n, "noise")
    for power in range(levels):
        level = high * (low / high) ** (power / max(levels - 1, 1))
        size = step_size * level**2
        at = torch.full((n,), level, device=x.device)
        for _ in range(steps):
            score = (denoise_at(x, at) - x) / level**2
            x = x + 0.5 * size * score + size**0.5 * torch.randn_like(x)
    return denoise_at(x, at) if denoise_last else x
