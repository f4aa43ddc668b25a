"""Speckle."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example

from .inputs import require_real


class Speckle(Noise):
    """x + std * x * epsilon, epsilon ~ N(0, I): each value of x (batch, ...) is multiplied by 1 + std * epsilon.

    The multiplicative noise of coherent light, radar and ultrasound, in the form that is usual in toolboxes. Black
    stays black; the deviation of what is added is std times the value. Not clipped.
    """

    columns = ("std",)

    def __init__(self, *, std: Annotated[Level, Ge(0)] = 0.3) -> None:
        self.std = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.std, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "speckle")
        factor = torch.randn_like(x).mul_(per_example(level[:, 0], x)).add_(1)
        return x * factor
