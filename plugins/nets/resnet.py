"""The generator of residual blocks of Miyato et al. (2018), for pictures of any size."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from genframe import Count, Shape

from .layers import Shapes, halved, halvings, inputs, joined
from .norms import Chain, normalisation
from .spectral import normalise_spectrally
from .upwards import condition_size, entrance, told_apart


class ResNetDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape) exactly, whatever the size; no activation at the end.

    A projection to a small map, `depth` blocks that double its height and width (to the neighbouring pixel's value),
    with half of the channels each from `most` down to no fewer than `width`, a norm, ReLU and a convolution (Miyato
    et al. 2018, table 4, where both are 256). Without `depth` the map is the last that is at least 4 high and wide.
    norm: `conditional` as for `dcgan`.
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        width: Count = 64,
        most: Count = 256,
        depth: Count | None = None,
        norm: Literal["none", "batch", "group", "conditional"] = "batch",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        depth = depth or halvings(out_shape, "the resnet decoder")
        halved(out_shape, depth, "the resnet decoder")
        # -(-a >> b) rounds up: blocks are built to the sizes, the last of which is the picture's.
        sizes = [(-(-out_shape[1] >> n), -(-out_shape[2] >> n)) for n in reversed(range(depth + 1))]
        widths = [max(width, min(most, width << n)) for n in reversed(range(depth + 1))]
        told = condition_size(in_shape, norm)
        latent = inputs(in_shape)[0] if told else joined(in_shape)
        blocks = [
            _Up(a, b, size, norm, told) for (a, b), size in zip(pairwise(widths), sizes[1:], strict=True)
        ]
        ends = [
            *normalisation(norm, widths[-1], told),
            nn.ReLU(),
            nn.Conv2d(widths[-1], out_shape[0], 3, 1, 1),
        ]
        self.net = Chain([*entrance(latent, (widths[0], *sizes[0])), *blocks, *ends])
        self.told = bool(told)
        normalise_spectrally(self, spectral_norm)

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.net(*told_apart(z, conditions, self.told))
        return out


class _Up(nn.Module):
    """Norm, ReLU, enlarged to `size`, convolution, norm, ReLU, convolution; beside it enlarged and 1x1."""

    is_conditional = True

    def __init__(self, fan_in: int, fan_out: int, size: tuple[int, int], norm: str, told: int) -> None:
        super().__init__()
        self.size = size
        self.before = Chain([*normalisation(norm, fan_in, told), nn.ReLU()])
        self.first = nn.Conv2d(fan_in, fan_out, 3, 1, 1)
        last = nn.Conv2d(fan_out, fan_out, 3, 1, 1)
        self.then = Chain([*normalisation(norm, fan_out, told), nn.ReLU(), last])
        self.past = nn.Conv2d(fan_in, fan_out, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        features = self.first(F.interpolate(self.before(x, condition), size=self.size))
        # 1x1 and enlarging commute: first the one that leaves the other less to do.
        out: Tensor = self.then(features, condition) + F.interpolate(self.past(x), size=self.size)
        return out
