"""The prior of a sigmoid belief network."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, MinLen, Shape

from .layers import LayeredLaw, links


class SigmoidBeliefPrior(nn.Module):
    """p(h_1, ..., h_L) = p(h_L) prod_l p(h_l | h_{l+1}), bits, by sigmoids of linear maps (Neal 1992).

    A code is all layers side by side, (sum of `layers`,), the lowest first, which alone the data hang on: with a
    decoder of the function `lowest-layer` it is the whole network. layers: the units of each, from the lowest to the
    top one; of one it is the prior `bernoulli` with learned chances.
    """

    def __init__(self, *, layers: Annotated[tuple[Count, ...], MinLen(1)] = (200, 200)) -> None:
        super().__init__()
        self.event_shape: Shape = (sum(layers),)
        self.top = nn.Parameter(torch.zeros(layers[-1]))
        self.links = nn.ModuleList(nn.Linear(above, below) for above, below in pairwise(layers[::-1]))

    def forward(self) -> LayeredLaw:
        return LayeredLaw(self.top, links(self.links), downward=True)


def lowest_layer(z: Tensor, *, units: Count) -> Tensor:
    """The first `units` of codes z (..., all units): the layer of a sigmoid belief network that the data hang on."""
    return z[..., :units]
