"""JPEG's quantisation of blocks."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_picture
from .separable import cosines


class Jpeg(Noise):
    """What JPEG loses of pictures (batch, channels, height, width) in [0, 1]: blocks of 8 x 8 pixels, whose cosine
    coefficients are rounded to multiples of the standard's tables (ITU-T T.81, annex K).

    quality: 1 to 100, as in libjpeg. The level that is told is the `coarseness` that follows, the factor of the
    tables: 0 at 100 (the picture itself), 0.5 at 75, 1 at 50, 5 at 10. Three channels are red, green and blue, and
    go by way of YCbCr without sub-sampling; of any other number each is luminance. The gradient passes the rounding
    as if it was not there.
    """

    columns = ("coarseness",)

    def __init__(self, *, quality: Annotated[Level, Ge(1), Le(100)] = 25.0) -> None:
        self.quality = quality

    def draw(self, x: Tensor) -> Tensor:
        quality = draw_level(self.quality, x)
        return torch.where(quality < 50, 50 / quality, 2 - quality / 50)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "jpeg")
        tables, colours = _constants(x.shape[1], x.device, x.dtype)
        return torch.where(per_example(level[:, 0], x) > 0, _coded(x, level.to(x.dtype), tables, colours), x)


def _coded(x: Tensor, coarseness: Tensor, tables: Tensor, colours: Tensor | None) -> Tensor:
    height, width = x.shape[-2:]
    values = 255 * x - 128
    if colours is not None:
        values = torch.einsum("ij,bjhw->bihw", colours, values)
    padded = torch.nn.functional.pad(values, (0, -width % 8, 0, -height % 8), mode="replicate")
    batch, channels, tall, wide = padded.shape
    blocks = padded.reshape(batch, channels, tall // 8, 8, wide // 8, 8).transpose(3, 4)
    waves = torch.kron(*[cosines(8, x.device, x.dtype)] * 2)  # (64 frequencies, 64 pixels)
    coefficients = blocks.reshape(batch, channels, -1, 64) @ waves.T
    step = (coarseness.reshape(-1, 1, 1, 1) * tables).round().clamp(1, 255)  # (batch, channels, 1, 64)
    share = coefficients / step
    rounded = share + (share.round() - share).detach() if share.requires_grad else share.round()
    blocks = ((rounded * step) @ waves).reshape(batch, channels, tall // 8, wide // 8, 8, 8)
    values = blocks.transpose(3, 4).reshape(padded.shape)[..., :height, :width]
    if colours is not None:
        values = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(colours), values)
    return ((values + 128) / 255).clamp(0, 1)


@lru_cache(maxsize=16)
def _constants(channels: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    """The tables of the channels (channels, 1, 64), and RGB to YCbCr (ITU-R BT.601) where they are three."""
    tables = [_LUMINANCE, _CHROMINANCE, _CHROMINANCE] if channels == 3 else [_LUMINANCE] * channels
    colours = torch.tensor(_YCBCR, device=device, dtype=dtype) if channels == 3 else None
    return torch.tensor(tables, device=device, dtype=dtype).unsqueeze(1), colours


_YCBCR = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]

# fmt: off
_LUMINANCE = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
]
_CHROMINANCE = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, *[99] * 36,
]
