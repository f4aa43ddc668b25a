"""Grey levels by a mixture of logistic laws, each cut into cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, Ge, Lt, Shape

from .law import GreyLaw
from .logistic import DiscretisedLogistic, scaled


class LogisticMixture(GreyLaw):
    """P(k) = sum_m w_m P_m(k) of each value by itself; weights and parts (leading ..., parts, *event)."""

    def __init__(self, logits: Tensor, parts: DiscretisedLogistic, *, event_ndim: int) -> None:
        self.axis = -1 - event_ndim
        super().__init__(logits.select(self.axis, 0), event_ndim)
        self.logits, self.parts = logits, parts

    def log_pmf(self, level: Tensor) -> Tensor:
        """log sum_m w_m P_m(k)."""
        parts = self.parts.log_pmf(level.unsqueeze(self.axis))
        return (parts + self.logits.log_softmax(self.axis)).logsumexp(self.axis)

    @property
    def mean(self) -> Tensor:
        return (self.logits.softmax(self.axis) * self.parts.mean).sum(self.axis)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """k/255 (*sample_shape, leading ..., *event): a part by its weight, and of that a level."""
        with torch.no_grad():
            drawn = self.parts.sample(sample_shape)  # (*sample_shape, leading ..., parts, *event)
            noise = (
                -torch.empty_like(drawn).exponential_().log()
            )  # Gumbel's: the largest sum follows the weights
            chosen = (self.logits + noise).argmax(self.axis, keepdim=True)
            return drawn.gather(self.axis, chosen).squeeze(self.axis)


class LogisticMixtureLikelihood(nn.Module):
    """features (..., *takes(data_shape)) -> P(x|z), a mixture of `parts` discretised logistics for each value.

    Salimans et al. 2017 (PixelCNN++), eq. 2 and 3, with weights of each value's own and no dependence between colours,
    which a latent may carry. Features are the logits of the weights, then means, then log-scales, each `parts` times
    the channels, as `discretised-logistic` reads them. Five parts are half of the paper's.
    """

    def __init__(
        self, data_shape: Shape, *, parts: Count = 5, log_scale: Annotated[float, Ge(-12), Lt(0)] = -7.0
    ) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.parts, self.lowest = parts, log_scale

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: three numbers a part and value."""
        return (3 * self.parts * data_shape[0], *data_shape[1:])

    def forward(self, features: Tensor) -> LogisticMixture:
        channels = features.shape[-self.event_ndim] // (3 * self.parts)
        sizes = (3, self.parts, channels)
        split = features.float().unflatten(-self.event_ndim, sizes)  # type: ignore[no-untyped-call]
        logits, mean, raw = split.unbind(-2 - self.event_ndim)  # (..., parts, *data_shape) each
        offsets = torch.linspace(
            -0.5, 0.5, self.parts, device=mean.device
        )  # parts that start alike stay alike
        mean = mean + offsets.view(-1, *[1] * self.event_ndim)
        parts = DiscretisedLogistic(*scaled(mean, raw, self.lowest, False), event_ndim=self.event_ndim)
        return LogisticMixture(logits, parts, event_ndim=self.event_ndim)
