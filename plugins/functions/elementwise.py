"""Functions of each value of a tensor."""

from __future__ import annotations

from torch import Tensor


def log(level: Tensor) -> Tensor:
    """The natural logarithm of each value: levels of noise of different magnitudes come to stand in equal steps."""
    return level.log()


def average(tensors: Tensor) -> Tensor:
    """The mean over the first dimension: of samples (samples, batch, ...), or of a chain's steps: (batch, ...)."""
    return tensors.mean(0)
