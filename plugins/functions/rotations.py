"""Pictures in four positions."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate90(x: Tensor) -> tuple[Tensor, Tensor]:
    """Each square picture (batch, channels, side, side) turned by quarters, and by how many: labels 0 to 3, (batch,).

    A quarter of the batch, drawn anew at each call, stands in each position: a label that costs nothing, for a side
    task of a critic (SSGAN, Chen et al. 2019). `turned, quarters = rotate90(x)`. Raises ValueError for what is no batch
    of square pictures.
    """
    if x.ndim != 4 or x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"rotate90 takes square pictures (batch, channels, side, side), not {tuple(x.shape)}"
        )
    quarters = torch.randperm(len(x), device=x.device) % 4  # (batch,)
    every = torch.stack([x.rot90(k, (2, 3)) for k in range(4)])  # (4, batch, channels, side, side)
    return every[quarters, torch.arange(len(x), device=x.device)], quarters
