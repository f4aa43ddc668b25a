"""Isotropic Gaussian noise."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example


class GaussianNoise(Noise):
    """x + std * epsilon, epsilon ~ N(0, I): each example has its own draw, and with a range its own level.

    The result is not clipped, so that noise stays independent of the picture. 0.3 of the range [0, 1] hides
    the strokes of a digit from a threshold, but not from an eye.

    How much is said by `std` or by its square, the `variance` (where neither is, std is 0.3): formulas that give
    one are easily taken for the other, that of gradient noise (Neelakantan et al. 2015, eq. 1) a variance.
    Raises ValueError for both. spread: how a range is drawn from; `geometric` makes each factor of two as likely, as
    levels in a geometric sequence are (Song and Ermon 2019).
    """

    columns = ("std",)

    def __init__(
        self,
        *,
        std: Annotated[Level, Ge(0)] | None = None,
        variance: Annotated[Level, Ge(0)] | None = None,
        spread: Literal["uniform", "geometric"] = "uniform",
    ) -> None:
        if std is not None and variance is not None:
            raise ValueError("std and variance say the same thing: give one of them")
        self.std = 0.3 if std is None and variance is None else std
        self.variance, self.spread = variance, spread
        for name, level in (("std", std), ("variance", variance)):
            if spread == "geometric" and isinstance(level, (tuple, list)) and min(level) <= 0:
                raise ValueError(f"a geometric range of {name} starts above 0, not at {min(level):g}")

    def draw(self, x: Tensor) -> Tensor:
        if self.variance is not None:
            return self._drawn(self.variance, x).sqrt()
        return self._drawn(self.std, x)

    def _drawn(self, option: Any, x: Tensor) -> Tensor:
        if self.spread == "uniform" or isinstance(option, (int, float)):
            return draw_level(option, x)
        return draw_level([math.log(end) for end in option], x).exp()

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + per_example(level[:, 0], x) * torch.randn_like(x)
