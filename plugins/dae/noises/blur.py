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
    steps, waves, frequencies = _kernel_waves(side, std.device)
    narrow = std.clamp(1e-3, side / 2)
    kernel = torch.exp(-0.5 * (steps / narrow).square()) * (
        steps <= (4 * narrow + 0.5).floor()
    )  # (batch, steps)
    factors = kernel @ waves  # (batch, frequencies); that of 0 is the sum of the kernel
    factors = factors / factors[:, :1]
    wider = (std.square() - narrow.square()).clamp(
        min=0
    )  # variances of Gaussians add up; a wide one needs no sampling
    factors = factors * torch.exp(-0.5 * wider * frequencies.square())
    transform = cosines(side, std.device, dtype)
    return (transform.T * factors.to(dtype).unsqueeze(1)) @ transform


@lru_cache(maxsize=16)
def _kernel_waves(side: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Distances to 4 std of a Gaussian half as wide as the side, their cosines (steps, side), and the frequencies.

    The cosines are twice as large but for the first: a kernel goes to both sides.
    """
    steps, frequencies = torch.arange(2 * side + 1, device=device), torch.arange(side, device=device)
    waves = torch.cos(steps.unsqueeze(1) * frequencies % (2 * side) * (math.pi / side))
    waves[1:] *= 2
    return steps.float(), waves, frequencies * (math.pi / side)
