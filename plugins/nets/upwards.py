"""How decoders of pictures begin: from a vector or a map, with conditions beside it or told to norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from genframe import Shape

from .layers import Shapes, beside, inputs, size, told


def entrance(in_shape: Shape, start: Shape, bias: bool = True) -> list[nn.Module]:
    """Layers from the latent to the first map `start`. Raises ValueError where a map has another size."""
    if len(in_shape) == 3:
        if tuple(in_shape[1:]) != tuple(start[1:]):
            given, wanted = "x".join(map(str, in_shape[1:])), "x".join(map(str, start[1:]))
            raise ValueError(f"the decoder got a map of {given} where its depth needs {wanted}")
        return [nn.Conv2d(in_shape[0], start[0], 3, 1, 1, bias=bias)]
    flat = nn.Linear(math.prod(in_shape), math.prod(start), bias=bias)
    return [nn.Flatten(), flat, nn.Unflatten(1, start)]


def condition_size(in_shape: Shapes, norm: str) -> int:
    """How many numbers the norms are told: 0 where they are not conditional. Raises ValueError where there are none."""
    if norm != "conditional":
        return 0
    others = inputs(in_shape)[1:]
    if not others:
        raise ValueError("norm: conditional is for a decoder that is given a condition: decoder(z, c)")
    return size(tuple(others))


def told_apart(z: Tensor, conditions: Sequence[Tensor], apart: bool) -> tuple[Tensor, Tensor | None]:
    """What enters below, and what the norms are told: all in one, or z and the conditions (batch, size)."""
    return (z, told(conditions, z.dtype)) if apart else (beside(z, conditions), None)
