"""Poisson noise."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example

from .inputs import require_real


class PoissonNoise(Noise):
    """Shot noise: gain * Poisson(x / gain), the picture as counts of photons, each of which is worth `gain`.

    The gain is 1 / (photons that make white): 0.05 for 20 of them, 0 for none of the noise. Mean x, variance
    gain * x. Values of x (batch, ...) below 0 have no rate and are taken for 0. The gradient is that of the mean,
    that is 1 (0 below zero): counts have none of their own.
    """

    columns = ("gain",)

    def __init__(self, *, gain: Annotated[Level, Ge(0)] = 0.05) -> None:
        self.gain = gain

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.gain, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "poisson")
        gain = per_example(level[:, 0], x)
        mean = x.clamp(min=0)
        with torch.no_grad():
            rate = mean / gain.where(gain > 0, 1)
            counted = torch.poisson(rate).mul_(gain)
        if x.requires_grad:
            counted = mean + (counted - mean).detach()
        return torch.where(gain > 0, counted, x)
