"""Parts of vectors."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from genframe import Count, Ge


def take(x: Tensor, *, size: Count = 1, start: Annotated[int, Ge(0)] = 0) -> Tensor:
    """`size` of the numbers of vectors (..., d), from `start` on: (..., size).

    A layer of latents that stands in one vector with others, say. Raises ValueError for vectors that are too short.
    """
    if x.shape[-1] < start + size:
        wanted = f"start {start} and size {size} need vectors of at least {start + size} numbers"
        raise ValueError(f"{wanted}, not {x.shape[-1]}")
    return x[..., start : start + size]
