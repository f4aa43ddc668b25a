"""The prior of independent categories."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, Ge, OneHotCategorical, Shape


class CategoricalPrior(nn.Module):
    """p(z) over `dim` one-hot vectors of `classes`, (dim, classes): uniform, or with `learned` chances for each.

    Its KL to a posterior of independent categories is exact; to one that is certain the uniform one's is
    dim * log(classes). 20 variables of 10 classes, the setting of Jang, Gu & Poole (2017, section 4.2), hold 66 bits.
    """

    logits: Tensor

    def __init__(
        self, *, dim: Count = 20, classes: Annotated[int, Ge(2)] = 10, learned: bool = False
    ) -> None:
        super().__init__()
        self.event_shape: Shape = (dim, classes)
        if learned:
            self.logits = nn.Parameter(torch.zeros(dim, classes))
        else:
            self.register_buffer("logits", torch.zeros(dim, classes), persistent=False)

    def forward(self) -> OneHotCategorical:
        return OneHotCategorical(self.logits, event_ndim=2)
