"""Isotropic Gaussian noise."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example


class GaussianNoise(Noise):
    """x + std * epsilon, epsilon ~ N(0, I): each example has its own draw, and with a range its own level.

    The result is not clipped, so that noise stays independent of the picture. 0.3 of the range [0, 1] hides
    the strokes of a digit from a threshold, but not from an eye.
    """

    columns = ("std",)

    def __init__(self, *, std: Annotated[Level, Ge(0)] = 0.3) -> None:
        self.std = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.std, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * torch.randn_like(x)
