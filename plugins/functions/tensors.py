"""Functions of tensors; any number of dimensions may stand in front of a vector or a picture."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from genframe import Count, detached


def detach(x: Tensor) -> Tensor:
    """x, through which no gradient flows. Of a distribution the same law, its parameters stopped; a verdict too."""
    stopped: Tensor = detached(x)
    return stopped


def concat(tensors: Sequence[Tensor]) -> Tensor:
    """`concat([a, b])` joins channels of pictures (batch, channels, height, width), or the last dimension."""
    return torch.cat(list(tensors), dim=-3 if tensors[0].ndim >= 4 else -1)


def columns(tensors: Sequence[Tensor]) -> Tensor:
    """`columns([a, b])`: numbers (...) of each example as the columns of a vector (..., 2): levels as a target.

    Raises ValueError where their shapes differ.
    """
    if len({tuple(tensor.shape) for tensor in tensors}) != 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ValueError(f"columns takes numbers of the same examples, and their shapes are {shapes}")
    return torch.stack(list(tensors), -1)


def downsample(x: Tensor, *, factor: Count = 2) -> Tensor:
    """Means of `factor` x `factor` pixels: (batch ..., channels, height, width) -> (..., rows, columns).

    Raises ValueError for what is no batch of pictures.
    """
    if x.ndim < 4:
        raise ValueError(f"downsample takes pictures (batch, channels, height, width), not {tuple(x.shape)}")
    pooled = F.avg_pool2d(x.reshape(-1, 1, *x.shape[-2:]), factor)
    return pooled.reshape(*x.shape[:-2], *pooled.shape[-2:])


def told(x: Tensor, level: Tensor) -> Tensor:
    """x (batch, features) with its `level` (batch,) or (batch, columns) as further features: for nets of vectors.

    Raises ValueError for what is no batch of vectors.
    """
    if x.ndim != 2:
        raise ValueError(f"told takes vectors (batch, features), not {tuple(x.shape)}")
    return torch.cat([x, level.reshape(len(x), -1)], 1)


def permute_dims(z: Tensor) -> Tensor:
    """z (batch, ...) with every dimension permuted over the batch by itself: draws of the product of its marginals.

    Each number of a row comes from a row of its own (Kim & Mnih 2018, algorithm 1), so that a discriminator which tells
    the result from z sees how the dimensions hang together. Take z of a second batch, or the two are no independent
    draws. Draws anew at each call.
    """
    order = torch.rand(z.shape, device=z.device).argsort(0)
    return z.gather(0, order)
