"""A posterior over one-hot codes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from genframe import OneHotCategorical, Shape


class StraightThroughCategories(OneHotCategorical):
    """Independent one-hot vectors whose `rsample` is one-hot, with the gradient of their probabilities."""

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """One-hot: (*sample_shape, leading ..., *event); backwards the sample is its probabilities."""
        hard, probs = self.sample(sample_shape), self.probs
        return hard + (probs - probs.detach())


class CategoricalPosterior(nn.Module):
    """features (..., *in_shape) -> q(z|x) over one-hot vectors (..., *latent_shape), whose last dimension are classes.

    One linear layer gives the logits. gradient: `straight-through` (Bengio, Léonard & Courville 2013), so that
    `q_z.rsample()` carries one, or `none`: `q_z.sample()` for losses that use the score function. Beside a prior of
    one-hot vectors: `categorical`, or `made` with classes.
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
        self.law = {"straight-through": StraightThroughCategories, "none": OneHotCategorical}[gradient]

    def forward(self, features: Tensor) -> OneHotCategorical:
        logits: Tensor = self.linear(features.flatten(-self.in_ndim))  # (..., codes)
        return self.law(
            logits.reshape(*logits.shape[:-1], *self.latent_shape), event_ndim=len(self.latent_shape)
        )
