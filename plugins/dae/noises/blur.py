"""Gaussian blur."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Level, Noise, draw_level, per_example

from .inputs import require_picture
from .separable import cosines, mapped


class Blur(Noise):
    """Pictures (batch, channels, height, width) blurred by a Gaussian of `std` pixels, each by its own.

    The kernel is the Gaussian at whole pixels, cut at 4 std and normalised; the picture goes on mirrored behind its
    edge (d c b a | a b c d | d c b a), so that the mean stays: `scipy.ndimage.gaussian_filter` in its mode
    "reflect". Under that mirroring the blur is a factor for each frequency of the cosine transform.
    """

    columns = ("std",)

    def __init__(self, *, std: Annotated[Level, Ge(0)] = 1.0) -> None:
        self.std = std

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.std, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "blur")
        down = _blurring(level, x.shape[-2], x.dtype)
        across = down if x.shape[-1] == x.shape[-2] else _blurring(level, x.shape[-1], x.dtype)
        return torch.where(per_example(level[:, 0], x) > 0, mapped(x, down, across), x)


def _blurring(std: Tensor, side: int, dtype: torch.dtype) -> Tensor:
    """The matrix that blurs a side, for each std (batch, 1): (batch, side, side)."""
    steps, waves = _kernel_waves(side, std.device)
    std = std.clamp(1e-3, 2 * side)
    reach = (4 * std + 0.5).floor()
    kernel = torch.exp(-0.5 * (steps / std).square()) * (steps <= reach)  # (batch, steps)
    kernel = kernel * torch.where(steps > 0, 2, 1)  # to both sides
    factors = (kernel @ waves) / kernel.sum(1, keepdim=True)  # (batch, frequencies)
    transform = cosines(side, std.device, dtype)
    return (transform.T * factors.to(dtype).unsqueeze(1)) @ transform


@lru_cache(maxsize=16)
def _kernel_waves(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Distances to 4 std of the widest Gaussian, which leaves a plain grey, and their cosines (steps, side)."""
    steps = torch.arange(8 * side + 1, device=device)
    turns = steps.unsqueeze(1) * torch.arange(side, device=device) % (2 * side)
    return steps.float(), torch.cos(turns * (math.pi / side))
