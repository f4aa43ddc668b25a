"""The continuous Bernoulli likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import constraints

from genframe import Shape

from .law import EventLaw

NEAR = 0.25
"""Half a logit below which the series are taken: there they are exact to float32's last digits."""

FLAT = 1e-3
"""A logit below which a draw is uniform but for a term of second order."""


class ContinuousBernoulli(EventLaw):
    """p(x) = C(l) l^x (1 - l)^(1 - x) on [0, 1], l = sigmoid(logit) (Loaiza-Ganem & Cunningham 2019, eq. 5 to 8).

    In the logit a it is a e^{a x} / (e^a - 1): with h = a/2, log p(x) = a x - h - log(sinh(h)/h), whose last part is
    even and smooth at 0, where the paper's C(l) is 0/0.
    """

    has_rsample = True

    def __init__(self, logits: Tensor, *, event_ndim: int) -> None:
        super().__init__(logits, event_ndim)
        self.logits = logits

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.unit_interval, self.event_ndim)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        """1/2 + (coth(h) - 1/h)/2: (leading ..., *event)."""
        h = 0.5 * self.logits
        far = torch.where(h.abs() < NEAR, NEAR, h)
        square = h.square()
        series = h * (1 / 3 - square * (1 / 45 - square * (2 / 945 - square / 4725)))
        return 0.5 + 0.5 * torch.where(h.abs() < NEAR, series, 1 / far.tanh() - 1 / far)

    @property
    def variance(self) -> Tensor:
        """(1/h^2 - 1/sinh(h)^2)/4."""
        h = 0.5 * self.logits.abs().clamp(max=80)
        far = torch.where(h < 2 * NEAR, 2 * NEAR, h)
        square = h.square()
        series = 1 / 3 - square * (1 / 15 - square * (2 / 189 - square * (1 / 675 - square * 2 / 10395)))
        return 0.25 * torch.where(
            h < 2 * NEAR, series, far.square().reciprocal() - far.sinh().square().reciprocal()
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event) in [0, 1] -> (samples ..., batch ...)."""
        return self._sum_event((value - 0.5) * self.logits) - self._sum_event(_log_sinhc(0.5 * self.logits))

    def cdf(self, value: Tensor) -> Tensor:
        """P(X <= x) = (e^{a x} - 1) / (e^a - 1) of each value by itself: (..., *event)."""
        rate = self.logits.abs().clamp(min=1e-6)
        below = torch.where(self.logits < 0, value, 1 - value)
        found = torch.expm1(-rate * below) / torch.expm1(-rate)
        return torch.where(self.logits < 0, found, 1 - found)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The inverse of the cdf at uniform draws: (*sample_shape, leading ..., *event), differentiable."""
        logits = self.logits
        rate = logits.abs().clamp(min=FLAT)
        uniform = torch.rand(self._shape(sample_shape), dtype=logits.dtype, device=logits.device)
        below = (torch.log1p(uniform * torch.expm1(-rate)) / -rate).clamp(0, 1)
        flat = uniform + 0.5 * logits * uniform * (1 - uniform)  # to second order in the logit
        return torch.where(logits.abs() < FLAT, flat, torch.where(logits < 0, below, 1 - below))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def entropy(self) -> Tensor:
        """(leading ...), in nats; at most 0, the uniform law's."""
        half = 0.5 * self.logits
        return self._sum_event(_log_sinhc(half) - (self.mean - 0.5) * self.logits)


class ContinuousBernoulliLikelihood(nn.Module):
    """logits (..., *data_shape) -> p(x|z), a density of grey values in [0, 1].

    What a cross-entropy of grey pixels lacks to be a log-likelihood is the normaliser C, which depends on the logit:
    without it decoders are drawn to grey. The mean is not sigmoid(logit).
    """

    def __init__(self, data_shape: Shape) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a logit for each value."""
        return data_shape

    def forward(self, logits: Tensor) -> ContinuousBernoulli:
        return ContinuousBernoulli(logits.float(), event_ndim=self.event_ndim)


def _log_sinhc(h: Tensor) -> Tensor:
    """log(sinh(h)/h), even, 0 at 0."""
    size = h.abs()
    far = size.clamp(min=NEAR)
    square = h.square()
    series = square * (1 / 6 - square * (1 / 180 - square / 2835))
    return torch.where(size < NEAR, series, far + torch.log(-torch.expm1(-2 * far)) - torch.log(2 * far))
