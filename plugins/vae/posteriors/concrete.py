"""The binary Concrete posterior."""

from __future__ import annotations

import math
from typing import Annotated

from torch import Tensor, nn

from genframe import Bernoulli, Gt, Schedulable, Shape

from .relaxations import RelaxedBernoulli


class ConcretePosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x) over bits (..., *latent_shape), relaxed in training (Maddison et al. 2017).

    In training `q_z.rsample()` lies between 0 and 1: sigmoid((logit + logistic noise) / temperature); in evaluation and
    outputs samples are bits. With the loss `elbo` and a prior of bits the objective in training is no bound, since
    the decoder sees more than bits (say `relaxed-elbo` for one); evaluation's is. temperature: about 2/3, Maddison's
    for bits; Jang, Gu & Poole (2017) anneal it from 1 to 0.5: {exponential: ...}. hard: rounded, gradients as if not.
    """

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        temperature: Annotated[Schedulable, Gt(0)] = 0.67,
        hard: bool = False,
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), math.prod(latent_shape))
        self.temperature, self.hard = temperature, hard

    def forward(self, features: Tensor) -> Bernoulli:
        logits: Tensor = self.linear(features.flatten(-self.in_ndim))  # (..., codes)
        logits, event_ndim = logits.reshape(*logits.shape[:-1], *self.latent_shape), len(self.latent_shape)
        if not self.training:
            return Bernoulli(logits, event_ndim=event_ndim)
        return RelaxedBernoulli(logits, temperature=self.temperature, hard=self.hard, event_ndim=event_ndim)
