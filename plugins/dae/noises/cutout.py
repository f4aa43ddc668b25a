"""Cutout."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level

from .inputs import require_picture


class Cutout(Noise):
    """A rectangle of each picture (batch, channels, height, width) becomes `fill`, in all channels.

    It covers the share `share` of the pixels (to the rounding of its sides), lies wholly inside and anywhere with
    equal chance. aspect: its sides are to each other as the picture's, times a factor drawn between 1 / aspect and
    aspect (evenly in its logarithm); 1 for none. DeVries & Taylor 2017, whose square may stick out; Zhong et al.
    2017 draw the aspect.
    """

    columns = ("share",)

    def __init__(
        self,
        *,
        share: Annotated[Level, Ge(0), Le(1)] = 0.25,
        aspect: Annotated[float, Ge(1)] = 1.0,
        fill: float = 0.0,
    ) -> None:
        self.share, self.aspect, self.fill = share, aspect, fill

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "cutout")
        share = level[:, 0]
        stretched, down, across = torch.rand(3, len(x), device=x.device)
        tall = (share * self.aspect ** (2 * stretched - 1)).sqrt().clamp(share, torch.ones_like(share))
        wide = torch.where(tall > 0, share / tall.where(tall > 0, 1), 0)
        rows, columns = _inside(down, tall, x.shape[-2]), _inside(across, wide, x.shape[-1])
        hole = rows.unsqueeze(2) & columns.unsqueeze(1)  # (batch, height, width)
        return torch.where(hole.unsqueeze(1), self.fill, x)


def _inside(place: Tensor, length: Tensor, side: int) -> Tensor:
    """Which pixels of a side lie in the stretch of a relative length, put at a place in [0, 1]: (batch, side)."""
    length = (length * side).round()
    start = (place * (side - length + 1)).floor()
    pixel = torch.arange(side, device=place.device)
    return (pixel >= start.unsqueeze(1)) & (pixel < (start + length).unsqueeze(1))
