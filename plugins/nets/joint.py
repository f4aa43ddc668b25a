"""The discriminator of pairs: x with a code."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, Ge, Probability, Shape, Verdict

from .critics import strided
from .layers import Shapes, halved, halvings, inputs
from .spectral import normalise_spectrally
from .verdicts import Score, deviation


class JointDiscriminator(nn.Module):
    """x (batch, ...), z (batch, ...)[, more] -> score (batch,), features (batch, hidden[-1]).

    A tower for each, then layers of the widths `hidden` that see all of them (ALI, Dumoulin et al. 2017, section 2.1;
    BiGAN, Donahue et al. 2017). A picture's tower are strided convolutions from `width` channels on, to the last map
    that is at least 4 high and wide; anything else has linear layers of the widths `tower`. LeakyReLU of 0.2, and
    dropout before each joint layer, as ALI has it. minibatch_std, spectral_norm: as for `mlp`.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        width: Count = 32,
        tower: tuple[Count, ...] = (128,),
        hidden: tuple[Count, ...] = (256, 256),
        dropout: Probability = 0.0,
        minibatch_std: Annotated[int, Ge(0)] = 0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        shapes = inputs(in_shape)
        self.towers = nn.ModuleList(_tower(shape, width, tower) for shape in shapes)
        seen = sum(_size(shape, width, tower) for shape in shapes)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((seen, *hidden)):
            layers += [nn.Dropout(dropout), nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, *deviation(minibatch_std))
        self.last = Score((seen, *hidden)[-1] + bool(minibatch_std))
        self.batch_multiple = max(minibatch_std, 1)
        normalise_spectrally(self, spectral_norm)

    def forward(self, x: Tensor, *more: Tensor) -> Verdict:
        seen = [tower(part).flatten(1) for tower, part in zip(self.towers, (x, *more), strict=True)]
        verdict: Verdict = self.last(self.net(torch.cat(seen, 1)))
        return verdict


def _tower(shape: Shape, width: int, widths: tuple[int, ...]) -> nn.Sequential:
    if len(shape) == 3:
        return nn.Sequential(*strided(shape[0], width, halvings(shape, "the joint discriminator")))
    layers: list[nn.Module] = [nn.Flatten()]
    for fan_in, fan_out in pairwise((math.prod(shape), *widths)):
        layers += [nn.Linear(fan_in, fan_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


def _size(shape: Shape, width: int, widths: tuple[int, ...]) -> int:
    """How many numbers a tower gives."""
    if len(shape) != 3:
        return (math.prod(shape), *widths)[-1]
    depth = halvings(shape, "the joint discriminator")
    return math.prod(halved(shape, depth, "the joint discriminator")) * (width << (depth - 1))
