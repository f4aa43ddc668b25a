"""The Bernoulli likelihood."""

from __future__ import annotations

from torch import Tensor, nn

from genframe import Bernoulli, Shape


class BernoulliLikelihood(nn.Module):
    """logits (..., *data_shape) -> Bernoulli: for binary data, and as a loss for grey values in [0, 1]."""

    def __init__(self, data_shape: Shape) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a logit for each value."""
        return data_shape

    def forward(self, logits: Tensor) -> Bernoulli:
        return Bernoulli(logits, event_ndim=self.event_ndim)
