"""The U-Net: a decoder from a picture to a picture of the same size."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genframe import Count, Shape

from .layers import ACTIVATIONS, halved
from .norms import normalisation

OCTAVES = 8
"""Sines and cosines that a level is told by: periods from 4 down to 1/32, so that levels of 0 to 1 come apart."""


class UNet(nn.Module):
    """x (batch, channels, height, width)[, level (batch,) or (batch, columns)] -> (batch, *out_shape).

    Down `depth` scales, each half of the one before (rounded up) and twice as wide from `width` on, and up again; at
    each scale two convolutions, and with `skips` the way up sees the way down beside it (Ronneberger et al. 2015).
    Height and width of x may be any, and need not be those it was built for. No activation at the end.

    residual: x minus what the net gives, so that it learns the noise (Zhang et al. 2017): for likelihoods that take
    means. Where the recipe passes a `level`, it moves and scales the features of every scale (Perez et al. 2018).
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        *,
        width: Count = 16,
        depth: Count = 2,
        skips: bool = True,
        residual: bool = False,
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        norm: Literal["none", "batch", "group"] = "none",
    ) -> None:
        super().__init__()
        shape, level = _shapes(in_shape)
        _require_same_size(shape, out_shape, residual)
        halved(shape, depth, "the U-Net")
        widths = [width << scale for scale in range(depth + 1)]
        columns = None if level is None else math.prod(level)
        first = (shape[0], *widths)
        self.down = nn.ModuleList(_Block(a, b, columns, activation, norm) for a, b in pairwise(first))
        self.halve = nn.ModuleList(nn.Conv2d(b, b, 3, 2, 1) for b in widths[:-1])
        self.up = nn.ModuleList(
            _Block(b + (a if skips else 0), a, columns, activation, norm) for a, b in pairwise(widths)
        )
        self.last = nn.Conv2d(width, out_shape[0], 1)
        self.skips, self.residual = skips, residual

    def forward(self, x: Tensor, level: Tensor | None = None) -> Tensor:
        told = None if level is None else _waves(level)
        seen = [self.down[0](x, told)]
        for block, halve in zip(list(self.down)[1:], self.halve, strict=True):
            seen.append(block(halve(seen[-1]), told))
        features = seen.pop()
        for block, beside in zip(reversed(self.up), reversed(seen), strict=True):
            features = F.interpolate(features, size=beside.shape[2:])
            features = block(torch.cat([features, beside], 1) if self.skips else features, told)
        out: Tensor = self.last(features)
        return x - out if self.residual else out


class _Block(nn.Module):
    """Two convolutions, `fan_in` -> `fan_out` channels; between them the level scales and moves each channel."""

    def __init__(self, fan_in: int, fan_out: int, columns: int | None, activation: str, norm: str) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]
        self.first = nn.Sequential(nn.Conv2d(fan_in, fan_out, 3, 1, 1), *normalisation(norm, fan_out))
        self.then = nn.Sequential(
            act(), nn.Conv2d(fan_out, fan_out, 3, 1, 1), *normalisation(norm, fan_out), act()
        )
        self.level = None if columns is None else nn.Linear(columns * (1 + 2 * OCTAVES), 2 * fan_out)

    def forward(self, x: Tensor, told: Tensor | None) -> Tensor:
        features = self.first(x)
        if self.level is not None and told is not None:
            scale, shift = self.level(told)[:, :, None, None].chunk(2, dim=1)  # (batch, fan_out, 1, 1)
            features = features * (1 + scale) + shift
        out: Tensor = self.then(features)
        return out


def _waves(level: Tensor) -> Tensor:
    """level (batch,) or (batch, columns) -> itself and its sines and cosines (batch, columns * (1 + 2 OCTAVES))."""
    columns = level.reshape(level.shape[0], -1, 1)
    rates = 0.5 * math.pi * 2.0 ** torch.arange(OCTAVES, device=level.device, dtype=level.dtype)
    return torch.cat([columns, (columns * rates).sin(), (columns * rates).cos()], dim=2).flatten(1)


def _shapes(in_shape: Shape | tuple[Shape, ...]) -> tuple[Shape, Shape | None]:
    """The shapes of the picture and of the level, if there is one."""
    if in_shape and isinstance(in_shape[0], tuple):
        picture, level = in_shape
        return picture, level
    return in_shape, None  # type: ignore[return-value]


def _require_same_size(shape: Shape, out_shape: Shape, residual: bool) -> None:
    """Raise ValueError for what is no picture, or where another size or number of channels is asked for."""
    if len(shape) != 3 or len(out_shape) != 3 or tuple(shape[1:]) != tuple(out_shape[1:]):
        raise ValueError(
            f"the U-Net goes from a picture to a picture of the same size, not from {tuple(shape)} to "
            f"{tuple(out_shape)}"
        )
    if residual and tuple(shape) != tuple(out_shape):
        raise ValueError(f"a residual U-Net gives the channels that it takes: {shape[0]}, not {out_shape[0]}")
