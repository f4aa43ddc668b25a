"""Salt-and-pepper noise."""

from __future__ import annotations

from typing import Annotated

import torch
from genframe import Ge, Le, Level, Noise, draw_level, per_example
from torch import Tensor


class MyNoise(Noise):
    """Of the values of x (batch, ...), the share `amount` becomes 0 or 1, either as often: dead and hot pixels.

    Each example has its own draw, and with a range `[low, high]` its own amount. What is not hit stays as it is,
    to the bit, which a denoiser can use (Vincent et al. 2010, section 4.3).
    """

    columns = ("amount",)

    def __init__(self, *, amount: Annotated[Level, Ge(0), Le(1)] = 0.1) -> None:
        self.amount = amount

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.amount, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        chance = torch.rand_like(x)  # in [0, 1), so that an amount of 0 hits nothing
        amount = per_example(level[:, 0], x)
        extreme = (chance < amount / 2).to(x)  # 1 is salt, 0 pepper
        return torch.where(chance < amount, extreme, x)
