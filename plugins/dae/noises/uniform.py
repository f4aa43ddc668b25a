"""Uniform noise."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example

from .inputs import require_real


class UniformNoise(Noise):
    """x + width * u, u ~ U(-1, 1) for each value of x (batch, ...): what is added lies in [-width, width].

    Its deviation is width / sqrt(3). Not clipped. With half of the distance of two grey values, 1 / 510, it
    dequantises pictures of 8 bits.
    """

    columns = ("width",)

    def __init__(self, *, width: Annotated[Level, Ge(0)] = 0.3) -> None:
        self.width = width

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.width, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "uniform")
        return torch.addcmul(x, per_example(level[:, 0], x), torch.empty_like(x).uniform_(-1, 1))
