"""Discriminators. None normalises over the batch: a gradient penalty must not mix examples."""

from __future__ import annotations

from torch import Tensor, nn

from genframe import Count, Verdict

from .layers import Shapes, beside, flat, halved, joined, size, stack


class MLPDiscriminator(nn.Module):
    """x (batch, *in_shape)[, conditions (batch, ...)] -> score (batch,), features (batch, hidden[-1])."""

    def __init__(self, in_shape: Shapes, *, hidden: tuple[Count, ...] = (128, 128)) -> None:
        super().__init__()
        widths = (size(in_shape), *hidden)
        self.net = stack(widths, "leaky_relu")
        self.last = nn.Linear(widths[-1], 1)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(flat(x, conditions))
        return Verdict(self.last(features).squeeze(1), features)


class ConvDiscriminator(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> score (batch,), features (batch, d): the last map, flattened.

    The strided convolutions of DCGAN (Radford et al. 2016) with its LeakyReLU of 0.2, without its batch norm.
    """

    def __init__(self, in_shape: Shapes, *, width: Count = 32, depth: Count = 3) -> None:
        super().__init__()
        shape = joined(in_shape)
        height, breadth = halved(shape, depth, "the conv discriminator")
        self.net = _strided(shape[0], width, depth)
        self.last = nn.Linear((width << (depth - 1)) * height * breadth, 1)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(beside(x, conditions)).flatten(1)
        return Verdict(self.last(features).squeeze(1), features)


class PatchDiscriminator(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> score (batch, h, w), one a patch; features (batch, d).

    The features are the last map's mean over the picture. It judges texture rather than the whole, as pix2pix
    does (Isola et al. 2017): with depth 2 a score sees 18 pixels across.
    """

    def __init__(self, in_shape: Shapes, *, width: Count = 32, depth: Count = 2) -> None:
        super().__init__()
        shape = joined(in_shape)
        halved(shape, depth, "the patch discriminator")
        self.net = _strided(shape[0], width, depth)
        self.last = nn.Conv2d(width << (depth - 1), 1, 3, 1, 1)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(beside(x, conditions))
        return Verdict(self.last(features).squeeze(1), features.mean((2, 3)))


def _strided(channels: int, width: int, depth: int) -> nn.Sequential:
    """`depth` convolutions of kernel 4 and stride 2, `width` channels doubling, each with LeakyReLU."""
    layers: list[nn.Module] = []
    for level in range(depth):
        layers += [nn.Conv2d(channels, width << level, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width << level
    return nn.Sequential(*layers)
