"""A point mass: the law of what is not random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution


class PointMass(Distribution):
    """All probability on one value (leading ..., *event). It has no density, and `log_prob` says so."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, value: Tensor, *, event_ndim: int = 1) -> None:
        self.value = value
        place = value.ndim - event_ndim
        super().__init__(value.shape[:place], value.shape[place:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.value

    @property
    def mode(self) -> Tensor:
        return self.value

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The value, as often as asked: (*sample_shape, leading ..., *event), differentiable."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        return self.rsample(sample_shape).detach()

    def log_prob(self, value: Tensor) -> NoReturn:
        """Raises NotImplementedError."""
        raise NotImplementedError(
            "a deterministic posterior is a point mass: it has no density, and no rate KL(q||p), bound or importance "
            "weight is defined. Take a loss without a rate, such as rae or wae-mmd, and remove what else asks for "
            "one (outputs: {elbo_parts: null, log_weights: null}, evaluate: []); or take another posterior"
        )
