"""Angles as something that can be regressed on."""

from __future__ import annotations

import torch
from torch import Tensor


def direction(angle: Tensor) -> Tensor:
    """Angles (batch,), in degrees -> cosine and sine (batch, 2): -180 and 180 are the same, as angles are."""
    turn = angle.deg2rad()
    return torch.stack([turn.cos(), turn.sin()], -1)
