"""A Gaussian that is pushed through invertible steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from genframe import DiagonalGaussian, Shape


class Step(Protocol):
    """An invertible map of vectors (..., size)."""

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z -> (z', log|det dz'/dz|): (..., size) and (...)."""
        ...

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z' -> (z, log|det dz'/dz| at z)."""
        ...


class Flow(Distribution):
    """The law of z_T = f_T(... f_1(z_0)), z_0 ~ base: log p(z_T) = log base(z_0) - sum_t log|det df_t/dz_{t-1}|.

    base: over vectors (leading ..., size); `event_shape` holds `size` numbers. log_prob is right for any value: of
    the last sample it is known, remembered by the tensor itself, and others are mapped back, with the gradient of
    that. No mean, mode or variance has a closed form; `centre` is where the base's mean goes.
    Rezende & Mohamed 2015, eq. 13.
    """

    arg_constraints = {}
    has_rsample = True

    def __init__(
        self, base: DiagonalGaussian, steps: Sequence[Step], event_shape: Shape | None = None
    ) -> None:
        self.base, self.steps = base, steps
        self._last: tuple[Tensor, int, Tensor] | None = None
        event = base.event_shape if event_shape is None else torch.Size(event_shape)
        super().__init__(base.batch_shape, event, validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.real, len(self.event_shape))  # type: ignore[no-untyped-call]

    @property
    def centre(self) -> Tensor:
        """The image of the base's mean: (leading ..., *event)."""
        return self._forward(self.base.mean)[0]

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, leading ..., *event), differentiable."""
        start = self.base.rsample(sample_shape)
        z, volume = self._forward(start)
        self._last = (z, _version(z), self.base.log_prob(start) - volume)
        return z

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event) -> (samples ..., batch ...)."""
        if self._last is not None and value is self._last[0] and _version(value) == self._last[1]:
            known = self._last[2]
            if known.requires_grad or not torch.is_grad_enabled():
                return known
        z = value.flatten(value.ndim - len(self.event_shape))
        z, volume = z + torch.zeros_like(self.base.mean), z.new_zeros(())  # every row, for each of the law's
        for step in reversed(self.steps):
            z, change = step.inverse(z)
            volume = volume + change
        density: Tensor = self.base.log_prob(z) - volume
        return density

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> Flow:
        """The same law for a batch of this shape: of one without batch, whose steps depend on no row."""
        if self.batch_shape:
            raise NotImplementedError("a flow whose steps belong to rows is not expanded")
        return Flow(self.base.expand(batch_shape), self.steps, tuple(self.event_shape))

    def _forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        volume = z.new_zeros(())
        for step in self.steps:
            z, change = step.forward(z)
            volume = volume + change
        return z.reshape(*z.shape[:-1], *self.event_shape), volume


def standard(size: int, like: Tensor) -> DiagonalGaussian:
    """N(0, I) over vectors of `size`, of the type and on the device of `like`."""
    return DiagonalGaussian(like.new_zeros(size), like.new_ones(size), standard=True)


def size_of(shape: Shape) -> int:
    """How many numbers an event has."""
    return math.prod(shape)


def _version(value: Tensor) -> int:
    """How often a tensor was written to; tensors of inference mode don't say, and are not remembered across writes."""
    return 0 if value.is_inference() else value._version
