"""A small convolutional classifier's body, whose features pictures can be compared by."""

from __future__ import annotations

import math

from torch import Tensor, nn

from genframe import Count, Probability, Shape


class LeNetEncoder(nn.Module):
    """x (batch, channels, height, width) -> features (batch, features), none below 0: two convolutions and a layer.

    Each convolution of 5x5, of `width` and 2 `width` channels, is followed by a rectifier and the maxima of 2x2
    pixels; then a layer of `features` rectified units, of which training drops a share. The defaults are the
    LeNet-like classifier of TensorFlow's tutorial, by whose features MNIST's samples have been compared (Binkowski et
    al. 2018, section 5). Raises ValueError for what is no picture.
    """

    def __init__(
        self, in_shape: Shape, *, width: Count = 32, features: Count = 512, dropout: Probability = 0.5
    ) -> None:
        super().__init__()
        if len(in_shape) != 3:
            raise ValueError(
                f"the lenet encoder takes pictures (channels, height, width), not {tuple(in_shape)}"
            )
        channels, *sides = in_shape
        size = math.prod(math.ceil(math.ceil(side / 2) / 2) for side in sides)
        self.net = nn.Sequential(
            nn.Conv2d(channels, width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(width, 2 * width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
            nn.Linear(2 * width * size, features),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.net(x)
        return features
