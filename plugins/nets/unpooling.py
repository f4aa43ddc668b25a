"""A convolutional decoder that un-pools."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Shape

from .layers import ACTIVATIONS, Shapes, beside, halved, joined
from .norms import normalisation
from .upwards import entrance


class Unpool(nn.Module):
    """x (batch, channels, height, width) -> (batch, channels, pool * height + more[0], pool * width + more[1]).

    Each value goes to the top left corner of a square of `pool` x `pool`, and zeros elsewhere: the simplified inverse
    of max pooling whose stride is the width of its pool, which does not know where each maximum stood
    (Dosovitskiy, Springenberg & Brox 2015; Goodfellow et al. 2016, section 20.10.6). `more` are rows and columns of
    zeros at the end, as many as pooling dropped.
    """

    def __init__(self, pool: int = 2, more: tuple[int, int] = (0, 0)) -> None:
        super().__init__()
        self.pool, self.more = pool, more

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        spread = F.pad(
            x.reshape(batch, channels, height, 1, width, 1), (0, self.pool - 1, 0, 0, 0, self.pool - 1)
        )
        whole = spread.reshape(batch, channels, height * self.pool, width * self.pool)
        return F.pad(whole, (0, self.more[1], 0, self.more[0])) if any(self.more) else whole


class UnpoolingDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape) exactly, whatever the size; no activation at the end.

    The mirror of an encoder of convolutions and pooling by 2: `depth` times the map is un-pooled to twice its height
    and width (see `Unpool`), and a convolution of `kernel` x `kernel` fills in what lies between and halves the
    channels, down to `width`. A kernel of 5 sees at each place of the picture between four and nine values of the
    smaller map, which lie two apart; one of 3 between one and four. One layer makes the first map, linear or a
    convolution.
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        width: Count = 32,
        depth: Count = 2,
        kernel: Literal[3, 5, 7] = 5,
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        norm: Literal["none", "batch", "group"] = "none",
    ) -> None:
        super().__init__()
        start = (width << (depth - 1), *halved(out_shape, depth, "the unpooling decoder"))
        layers = [*entrance(joined(in_shape), start), ACTIVATIONS[activation]()]
        channels = [*(width << level for level in reversed(range(depth))), out_shape[0]]
        for level, (fan_in, fan_out) in zip(reversed(range(depth)), pairwise(channels), strict=True):
            odd = ((out_shape[1] >> level) % 2, (out_shape[2] >> level) % 2)
            layers += [Unpool(2, odd), nn.Conv2d(fan_in, fan_out, kernel, padding=kernel // 2)]
            if level:
                layers += [*normalisation(norm, fan_out), ACTIVATIONS[activation]()]
        self.net = nn.Sequential(*layers)

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.net(beside(z, conditions))
        return out
