"""The discriminator of residual blocks of Miyato et al. (2018), for pictures of any size."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from torch import Tensor, nn

from genframe import Count, Ge, Verdict

from .layers import Shapes, beside, halved, halvings, joined
from .spectral import normalise_spectrally
from .verdicts import Score, deviation, trunk


class ResNetDiscriminator(nn.Module):
    """x (batch, channels, height, width)[, conditions] -> score (batch,), features (batch, d): sums over the last map.

    `depth` blocks that halve height and width (rounded up) by averages, of `width` channels, doubling up to `most`,
    then two that keep them, ReLU (Miyato et al. 2018, table 4, where both are 128). Without `depth` the map is the last
    that is at least 4 high and wide. `spectral_norm` is what the net was made for; no other norm is in it.
    conditions, minibatch_std: as for `conv`.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 64,
        most: Count = 128,
        depth: Count | None = None,
        conditions: Literal["beside", "projected"] = "beside",
        minibatch_std: Annotated[int, Ge(0)] = 0,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        seen, projected = trunk(in_shape, conditions)
        shape = joined(seen)
        depth = depth or halvings(shape, "the resnet discriminator")
        halved(shape, depth, "the resnet discriminator")
        widths = [max(width, min(most, width << n)) for n in range(depth)]
        widths += widths[-1:] * 2
        blocks = [_Down(a, b, n < depth - 1) for n, (a, b) in enumerate(pairwise(widths))]
        first = _Down(shape[0], widths[0], True, first=True)
        self.net = nn.Sequential(first, *blocks, nn.ReLU(), *deviation(minibatch_std))
        self.last = Score(widths[-1] + bool(minibatch_std), projected)
        self.projected, self.batch_multiple = bool(projected), max(minibatch_std, 1)
        normalise_spectrally(self, spectral_norm)

    def forward(self, x: Tensor, *conditions: Tensor) -> Verdict:
        features = self.net(beside(x, () if self.projected else conditions)).sum((2, 3))
        verdict: Verdict = self.last(features, conditions)
        return verdict


class _Down(nn.Module):
    """ReLU (not the first), convolution, ReLU, convolution, halved; beside it 1x1, halved."""

    def __init__(self, fan_in: int, fan_out: int, halves: bool, first: bool = False) -> None:
        super().__init__()
        layers = [nn.Conv2d(fan_in, fan_out, 3, 1, 1), nn.ReLU(), nn.Conv2d(fan_out, fan_out, 3, 1, 1)]
        self.net = nn.Sequential(*layers) if first else nn.Sequential(nn.ReLU(), *layers)
        self.past = nn.Conv2d(fan_in, fan_out, 1) if fan_in != fan_out or halves else nn.Identity()
        self.halve = nn.AvgPool2d(2, ceil_mode=True) if halves else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.halve(self.net(x)) + self.past(self.halve(x))
        return out
