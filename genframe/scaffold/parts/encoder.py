"""An encoder of pictures: means of pixels, through one layer."""

from __future__ import annotations

from genframe import Count, Shape
from torch import Tensor, nn


class MyEncoder(nn.Module):
    """x (batch, channels, height, width) -> features (batch, features), from averaged pixels.

    Means of `pool` x `pool` pixels, then one layer of rectified units: a pool of 2 leaves a quarter of the weights
    and most of a digit. Raises ValueError for a picture that is smaller than one pool, or no picture.
    """

    def __init__(self, in_shape: Shape, *, pool: Count = 2, features: Count = 128) -> None:
        super().__init__()
        if len(in_shape) != 3 or min(in_shape[1:]) < pool:
            raise ValueError(f"expected a picture of at least {pool} x {pool} pixels, not {tuple(in_shape)}")
        channels, height, width = in_shape
        self.net = nn.Sequential(
            nn.AvgPool2d(pool),
            nn.Flatten(),
            nn.Linear(channels * (height // pool) * (width // pool), features),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.net(x)
        return features
