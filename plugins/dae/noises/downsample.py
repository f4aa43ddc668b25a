"""Down-sampling."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example

from .inputs import require_picture
from .separable import mapped


class Downsample(Noise):
    """Pictures (batch, channels, height, width) made `factor` times smaller, by the mean over areas, and large again,
    by linear interpolation: what super-resolution undoes.

    Any factor from 1 on, whole or not; the level that is told is its `octaves`, log2(factor): 0 is the picture
    itself, 1 half its size. Areas of a whole factor are those of average pooling; the last one is what the others
    leave.
    """

    columns = ("octaves",)

    def __init__(self, *, factor: Annotated[Level, Ge(1)] = 2.0) -> None:
        self.factor = factor

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.factor, x).log2()

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "downsample")
        factor = level.exp2()
        down = _resampling(factor, x.shape[-2]).to(x.dtype)
        across = down if x.shape[-1] == x.shape[-2] else _resampling(factor, x.shape[-1]).to(x.dtype)
        return torch.where(per_example(level[:, 0], x) > 0, mapped(x, down, across), x)


def _resampling(factor: Tensor, side: int) -> Tensor:
    """The matrix that takes a side down and up again, for each factor (batch, 1): (batch, side, side)."""
    pixel = torch.arange(side, device=factor.device, dtype=factor.dtype)
    start = (pixel * factor).unsqueeze(2)  # of each area (batch, areas, 1); those behind the end are empty
    covered = torch.minimum(pixel + 1, start + factor.unsqueeze(2)) - torch.maximum(pixel, start)
    covered = covered.clamp(min=0)  # (batch, areas, pixels)
    averaged = covered / covered.sum(2, keepdim=True).clamp(min=1e-6)
    last = (side / factor - 1e-4).ceil() - 1
    place = torch.minimum(((pixel + 0.5) / factor - 0.5).clamp(min=0), last)  # of each pixel among the areas
    nearness = (1 - (place.unsqueeze(2) - pixel).abs()).clamp(min=0)  # (batch, pixels, areas)
    return torch.bmm(nearness, averaged)
