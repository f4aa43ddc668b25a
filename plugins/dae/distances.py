"""Differences of two pictures, averaged over everything, so that a weight means the same at every size."""

from __future__ import annotations

from torch import Tensor


def l1(a: Tensor, b: Tensor) -> Tensor:
    """The mean of |a - b|: 0-dim. Raises ValueError where the shapes of the examples differ."""
    return _difference(a, b).abs().mean()


def mse(a: Tensor, b: Tensor) -> Tensor:
    """The mean of (a - b)^2: 0-dim. Raises ValueError where the shapes of the examples differ."""
    return _difference(a, b).square().mean()


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """a - b, where one may have sample dimensions in front that the other lacks."""
    shared = min(a.ndim, b.ndim)
    if a.shape[a.ndim - shared :] != b.shape[b.ndim - shared :]:
        raise ValueError(f"the shapes differ: {tuple(a.shape)} and {tuple(b.shape)}")
    return a - b
