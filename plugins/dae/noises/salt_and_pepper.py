"""Salt-and-pepper noise."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_real


class SaltAndPepper(Noise):
    """Of the values of x (batch, ...), the share `share` is replaced: half of them become 0 and half 1.

    A share of 0.4 leaves 0.6 untouched, to the bit (Vincent et al. 2010, section 3.3; the generalised DAE and the
    GSN take 0.4). Of values that are 0 or 1 already half of the replaced ones stay what they were.
    """

    columns = ("share",)

    def __init__(self, *, share: Annotated[Level, Ge(0), Le(1)] = 0.2) -> None:
        self.share = share

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "salt-and-pepper")
        chance = torch.rand_like(x)  # in [0, 1)
        share = per_example(level[:, 0], x)
        hit = chance < share
        return torch.where(hit, chance.lt_(share / 2), x)  # of those that are hit, the lower half becomes 1
