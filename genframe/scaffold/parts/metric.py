"""How faithful reconstructions are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from genframe import Count
from torch import Tensor


def my_metric(
    reconstruct: Callable[[Any], Tensor],
    data: Any,
    *,
    batch_size: Count = 500,
) -> dict[str, float]:
    """The peak signal-to-noise ratio of reconstructions over a split, in decibels, and the error it comes from.

        10 log10(1 / mse),      mse the mean of (x - reconstruct(x))^2 over all values

    reconstruct: an output x (batch, ...) -> its shape; called with a batch, it takes of it what it asks for. Values
    lie in [0, 1], so that the peak is 1.
    """
    errors = [(batch["x"] - reconstruct(batch)).square().flatten(1) for batch in data.batches(batch_size)]
    mse = float(torch.cat(errors).double().mean())
    return {"mse": mse, "psnr": -10 * math.log10(max(mse, 1e-20))}  # at most 200 dB: a log has no zero
