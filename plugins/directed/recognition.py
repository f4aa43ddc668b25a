"""The recognition net of a sigmoid belief network."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from genframe import Count, MinLen, Shape

from .layers import LayeredLaw, links


class SigmoidBeliefPosterior(nn.Module):
    """features (..., *in_shape) -> q(h_1|x) prod_l q(h_{l+1}|h_l): layers of bits upward (Hinton et al. 1995).

    The other half of the Helmholtz machine whose prior is `sigmoid-belief`: over codes (..., *latent_shape), all
    layers side by side, the lowest first. layers: the units of each as the prior has them; without it there is one. Its
    samples have no gradient: for wake-sleep, or a score function (`nvil`, `vimco`). Raises ValueError for layers that
    do not add up to latent_shape.
    """

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        layers: Annotated[tuple[Count, ...], MinLen(1)] | None = None,
    ) -> None:
        super().__init__()
        sizes = layers or (math.prod(latent_shape),)
        if (sum(sizes),) != tuple(latent_shape):
            raise ValueError(
                f"the layers {tuple(sizes)} have {sum(sizes)} units, and codes the shape {tuple(latent_shape)}: give "
                "the posterior the layers of the prior sigmoid-belief"
            )
        self.in_ndim = len(in_shape)
        self.linear = nn.Linear(math.prod(in_shape), sizes[0])
        self.links = nn.ModuleList(nn.Linear(below, above) for below, above in pairwise(sizes))

    def forward(self, features: Tensor) -> LayeredLaw:
        first: Tensor = self.linear(features.flatten(-self.in_ndim))
        return LayeredLaw(first, links(self.links), downward=False)
