"""Masking noise."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_real


class Masking(Noise):
    """Of the values of x (batch, ...), the share `share` becomes 0; the others stay as they are, to the bit.

    Vincent et al. 2010, section 3.3, who take 0.1 to 0.4. Each value of each example is drawn on its own, channels
    too. Nothing is scaled up, unlike in dropout: the mean falls by the share.
    """

    columns = ("share",)

    def __init__(self, *, share: Annotated[Level, Ge(0), Le(1)] = 0.25) -> None:
        self.share = share

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "masking")
        return x * keep(x, level[:, 0])


def keep(x: Tensor, share: Tensor) -> Tensor:
    """1 for the values of x that stay, 0 for the share (batch,) of each example that goes."""
    kept = torch.rand_like(x)  # in [0, 1), so that a share of 0 takes nothing and one of 1 everything
    return kept.ge_(per_example(share, x))
