"""The Gumbel-softmax posterior."""

from __future__ import annotations

import math
from typing import Annotated

from torch import Tensor, nn

from genframe import Gt, OneHotCategorical, Schedulable, Shape

from .relaxations import RelaxedOneHot


class GumbelSoftmaxPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x) over one-hot vectors (..., *latent_shape), classes last; relaxed in training.

    In training `q_z.rsample()` lies within the simplex: softmax((logits + Gumbel noise) / temperature) (Jang, Gu &
    Poole 2017, eq. 2); in evaluation and outputs samples are one-hot. With the loss `elbo` and a prior of one-hot
    vectors the objective in training is no bound (say `relaxed-elbo` for one); evaluation's is. temperature: 1, or as
    theirs from 1 to 0.5 over the training. hard: one-hot in training too, gradients as if not (ST Gumbel-softmax).
    """

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        temperature: Annotated[Schedulable, Gt(0)] = 1.0,
        hard: bool = False,
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), math.prod(latent_shape))
        self.temperature, self.hard = temperature, hard

    def forward(self, features: Tensor) -> OneHotCategorical:
        logits: Tensor = self.linear(features.flatten(-self.in_ndim))  # (..., codes)
        logits, event_ndim = logits.reshape(*logits.shape[:-1], *self.latent_shape), len(self.latent_shape)
        if not self.training:
            return OneHotCategorical(logits, event_ndim=event_ndim)
        return RelaxedOneHot(logits, temperature=self.temperature, hard=self.hard, event_ndim=event_ndim)
