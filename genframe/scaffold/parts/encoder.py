"""An encoder of pictures: means of pixels, through one layer."""

from __future__ import annotations

import math

from genframe import Count, Shape
from torch import Tensor, nn


class MyEncoder(nn.Module):
    """x (batch, channels, height, width) -> features (batch, features), from averaged pixels.

    Means of `pool` x `pool` pixels, and of what is left at the edges, then one layer of rectified units: a pool of 2
    takes a quarter of the weights and leaves most of a digit. Raises ValueError for what is no picture.
    """

    def __init__(self, in_shape: Shape, *, pool: Count = 2, features: Count = 128) -> None:
        super().__init__()
        if len(in_shape) != 3:
            raise ValueError(f"expected pictures (channels, height, width), not {tuple(in_shape)}")
        channels, rows, columns = in_shape[0], *(math.ceil(size / pool) for size in in_shape[1:])
        self.net = nn.Sequential(
            nn.AvgPool2d(pool, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(channels * rows * columns, features),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.net(x)
        return features
