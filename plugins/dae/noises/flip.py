"""Labels that are wrong."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level


class Flip(Noise):
    """Each label y (batch,), int64 below `classes`, becomes another class with the chance `chance`.

    Any other class with equal chance (symmetric label noise, Angluin & Laird 1988). At (classes - 1) / classes the
    labels tell nothing any more.
    """

    columns = ("chance",)

    def __init__(self, classes: int, *, chance: Annotated[Level, Ge(0), Le(1)] = 0.1) -> None:
        if classes < 2:
            raise ValueError(f"there is no other class to flip to: the data have {classes}")
        self.classes, self.chance = classes, chance

    def draw(self, y: Tensor) -> Tensor:
        return draw_level(self.chance, y)

    def apply(self, y: Tensor, level: Tensor) -> Tensor:
        if y.is_floating_point() or y.ndim != 1:
            raise TypeError(
                f"flip takes labels, int64 (batch,), got {y.dtype} of the shape {tuple(y.shape)}: values of "
                "pictures are flipped by `bit-flip` where they are 0 or 1, and replaced by `salt-and-pepper`"
            )
        hit = torch.rand(len(y), device=y.device) < level[:, 0]
        other = (y + torch.randint(1, self.classes, y.shape, device=y.device)) % self.classes
        return torch.where(hit, other, y)
