"""Soft clipping."""

from __future__ import annotations

import torch
from genframe import Positive
from torch import Tensor


def my_function(x: Tensor, *, limit: Positive = 1.0) -> Tensor:
    """limit * tanh(x / limit), for x of any shape: near 0 it is x, and it stays within (-limit, limit).

    Smooth everywhere, so that what lies outside keeps some gradient, which a hard clip takes away.
    """
    return limit * torch.tanh(x / limit)
