"""A posterior over binary codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from genframe import Bernoulli, Shape


class StraightThrough(Bernoulli):
    """Independent binary variables whose `rsample` is 0 or 1, with the gradient of their probabilities.

    Bengio, Léonard & Courville 2013, section 4: the threshold counts as the identity. Biased, of low variance.
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Zeros and ones: (*sample_shape, leading ..., *event); backwards the sample is its probability."""
        hard, probs = self.sample(sample_shape), self.probs
        return hard + (probs - probs.detach())


class BernoulliPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x) over codes of zeros and ones (..., *latent_shape): one linear layer's logits.

    gradient: `straight-through`, so that a wire `q_z.rsample()` carries one, or `none`: `q_z.sample()` for losses that
    use the score function (`reinforce`, `nvil`, `vimco`). Beside a prior of bits: `bernoulli`, `made`, `rbm`.
    """

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        gradient: Literal["straight-through", "none"] = "straight-through",
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
        self.linear = nn.Linear(math.prod(in_shape), math.prod(latent_shape))
        self.law = {"straight-through": StraightThrough, "none": Bernoulli}[gradient]

    def forward(self, features: Tensor) -> Bernoulli:
        logits: Tensor = self.linear(features.flatten(-self.in_ndim))  # (..., codes)
        return self.law(
            logits.reshape(*logits.shape[:-1], *self.latent_shape), event_ndim=len(self.latent_shape)
        )
