"""Dropout of blocks of pixels."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Count, Ge, Le, Level, Noise, draw_level

from .inputs import require_picture


class BlockDropout(Noise):
    """Squares of `size` x `size` pixels of pictures (batch, channels, height, width) become 0, in all channels.

    Each picture is laid out with squares, from an offset of its own, and each of them goes with the chance `share`,
    which so is the expected share of pixels. Where single pixels are missing their neighbours tell them; where
    squares are, what the picture shows must (Ghiasi et al. 2018, "DropBlock", for features).
    """

    columns = ("share",)

    def __init__(self, *, share: Annotated[Level, Ge(0), Le(1)] = 0.25, size: Count = 4) -> None:
        self.share, self.size = share, size

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.share, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "block-dropout")
        down, across = (self._squares(x, side) for side in x.shape[-2:])  # (batch, height), (batch, width)
        rows, columns = ((side - 1) // self.size + 2 for side in x.shape[-2:])
        kept = torch.rand(len(x), rows * columns, device=x.device) >= level
        place = (down * columns).unsqueeze(2) + across.unsqueeze(1)  # (batch, height, width)
        return x * kept.gather(1, place.flatten(1)).reshape(place.shape).unsqueeze(1)

    def _squares(self, x: Tensor, side: int) -> Tensor:
        """The number of the square that each pixel of a side lies in: (batch, side)."""
        offset = torch.randint(self.size, (len(x), 1), device=x.device)
        return (torch.arange(side, device=x.device) + offset) // self.size
