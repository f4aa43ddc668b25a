"""Linear maps of pictures that treat rows and columns apart, each example by matrices of its own."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


def mapped(x: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """down[b] x[b, c] across[b]^T for pictures x (batch, channels, height, width).

    `down` is (batch, height, height), `across` (batch, width, width).
    """
    batch, channels, height, width = x.shape
    wide = torch.bmm(x.reshape(batch, channels * height, width), across.mT)
    if channels == 1:
        return torch.bmm(down, wide).unsqueeze(1)
    rows = (
        wide.reshape(x.shape).transpose(1, 2).reshape(batch, height, channels * width)
    )  # all channels at once
    return torch.bmm(down, rows).reshape(batch, height, channels, width).transpose(1, 2)


@lru_cache(maxsize=16)
def cosines(side: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The orthonormal DCT-II (side, side): frequencies by pixels."""
    pixel = 2 * torch.arange(side, dtype=torch.float64) + 1
    waves = torch.cos(torch.arange(side, dtype=torch.float64).unsqueeze(1) * pixel * math.pi / (2 * side))
    waves *= math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    return waves.to(device, dtype)
