"""Mixtures: of many diagonal Gaussians at once, and of whatever law a posterior gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from genframe import DiagonalGaussian

CELLS = 2**24
"""Values times components that are handled in one block: 128 MiB."""


class GaussianMixture(Distribution):
    """sum_k w_k N(z; mean_k, diag(std_k^2)), one law over (*event).

    means: (components, *event). stds > 0: of a shape that broadcasts to it. logits: (components,), or None for equal
    weights. The squares are expanded, z^2 P - 2 z P m + m P m, to two matrix products in double precision: no tensor
    of (values, components, event) is made.
    """

    arg_constraints = {}
    has_rsample = False

    def __init__(self, means: Tensor, stds: Tensor, logits: Tensor | None = None) -> None:
        self.means, self.stds = means, stds.expand_as(means)
        self.log_weights = torch.zeros_like(means[:, :1].flatten(1)[:, 0]) if logits is None else logits
        self.log_weights = self.log_weights.log_softmax(0)
        super().__init__(torch.Size(), means.shape[1:], validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.real, len(self.event_shape))  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        return self._average(self.means)

    @property
    def variance(self) -> Tensor:
        return self._average(self.stds.square() + (self.means - self.mean).square())

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, *event): each of a component drawn by its weight."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            chosen = torch.multinomial(self.log_weights.exp(), max(shape.numel(), 1), replacement=True)
            chosen = chosen[: shape.numel()]
            drawn = torch.addcmul(self.means[chosen], self.stds[chosen], torch.randn_like(self.means[chosen]))
        return drawn.reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (..., *event) -> (...)."""
        front = value.shape[: value.ndim - len(self.event_shape)]
        flat = value.reshape(-1, math.prod(self.event_shape)).double()
        means, precisions = (
            self.means.flatten(1).double(),
            self.stds.flatten(1).double().reciprocal().square(),
        )
        scaled = means * precisions
        constants = self.log_weights - 0.5 * (
            (means * scaled).sum(1) - precisions.log().sum(1) + means.shape[1] * math.log(2 * math.pi)
        )
        rows = max(1, CELLS // len(means))
        found = [
            self._scores(
                torch.addmm(constants, part, scaled.T) - 0.5 * part.square() @ precisions.T, start * rows
            )
            for start, part in enumerate(torch.split(flat, rows))
        ]
        return torch.cat(found).to(self.means.dtype).reshape(front)

    def _scores(self, joint: Tensor, start: int) -> Tensor:
        """log sum_k of the joint (rows, components) of the values from number `start` on."""
        return joint.logsumexp(1)

    def _average(self, value: Tensor) -> Tensor:
        return torch.einsum("k,k...->...", self.log_weights.exp(), value)


class EqualMixture(Distribution):
    """The mean of the laws in the one batch dimension of `law`, any distribution (components, *event)."""

    arg_constraints = {}
    has_rsample = False

    def __init__(self, law: Distribution) -> None:
        self.law = law
        super().__init__(torch.Size(), law.event_shape, validate_args=False)

    @property
    def support(self) -> Any:
        return self.law.support

    @property
    def mean(self) -> Tensor:
        return self.law.mean.mean(0)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, *event): each of a component drawn by lot."""
        shape, components = torch.Size(sample_shape), self.law.batch_shape[0]
        with torch.no_grad():
            chosen = torch.randint(components, (shape.numel(),))
            ranked = chosen.argsort()  # the n-th that chose a component gets the n-th of its samples
            start = torch.searchsorted(chosen[ranked].contiguous(), chosen[ranked].contiguous())
            turns = torch.empty_like(chosen)
            turns[ranked] = torch.arange(len(chosen)) - start
            many = self.law.sample(torch.Size([int(turns.max()) + 1 if len(turns) else 1]))
            return many[turns, chosen].reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (..., *event) -> (...): log of the mean of all components' densities."""
        place = value.ndim - len(self.event_shape)
        components = self.law.batch_shape[0]
        spread = value.unsqueeze(place).expand(*value.shape[:place], components, *self.event_shape)
        return self.law.log_prob(spread).logsumexp(-1) - math.log(components)


def mixture_of(law: Distribution) -> GaussianMixture | EqualMixture:
    """The mean of the laws in a batch (components, *event): by matrix products where they are diagonal Gaussians."""
    if isinstance(law, DiagonalGaussian):
        return GaussianMixture(law.mean, law.stddev)
    return EqualMixture(law)
