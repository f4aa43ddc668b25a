"""The uniform prior on the unit sphere."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Ge, Shape

from ..laws.sphere import UniformOnSphere


class SpherePrior(nn.Module):
    """p(z) over vectors of `dim` numbers and length one: the uniform law, for the posterior `von-mises-fisher`.

    The von Mises-Fisher law of kappa 0 (Davidson et al. 2018). A sphere of `dim` numbers has dim - 1 dimensions; they
    find it better than a Gaussian up to some 20. Raises ValueError for dim < 2.
    """

    place: Tensor

    def __init__(self, *, dim: Annotated[int, Ge(2)]) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"the unit sphere needs vectors of at least 2 numbers, not of {dim}")
        self.event_shape: Shape = (dim,)
        self.register_buffer("place", torch.zeros(dim), persistent=False)

    def forward(self) -> UniformOnSphere:
        return UniformOnSphere(self.place)
