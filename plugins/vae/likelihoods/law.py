"""What the likelihoods' own laws share: a shape read from a tensor of parameters, a sum over the event, grey levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

LEVELS = 256
"""Grey levels of a stored picture: a value is one of 0, 1/255 ... 1."""


class EventLaw(Distribution):
    """A law over (leading ..., *event), its shape that of one tensor of parameters; without argument checks.

    parameter: (leading ..., *event), the last `event_ndim` dimensions being the event. What has another value is
    reported by `support`; `log_prob` does not look.
    """

    arg_constraints = {}
    has_rsample = False
    _validate_args = False

    def __init__(self, parameter: Tensor, event_ndim: int) -> None:
        split = parameter.ndim - event_ndim
        super().__init__(parameter.shape[:split], parameter.shape[split:], validate_args=False)
        self.event_ndim = event_ndim

    def _shape(self, sample_shape: Sequence[int]) -> torch.Size:
        return torch.Size(sample_shape) + self.batch_shape + self.event_shape

    def _sum_event(self, value: Tensor) -> Tensor:
        return value.flatten(value.ndim - self.event_ndim).sum(-1)


class _Grid(constraints.Constraint):
    """0, 1/255 ... 1, to a tenth of a level: what bytes become when they are divided by 255."""

    is_discrete = True
    values = torch.arange(LEVELS) / (LEVELS - 1)

    def check(self, value: Tensor) -> Tensor:
        level = value * (LEVELS - 1)
        inside = (value >= -1e-4) & (value <= 1 + 1e-4)
        return inside & ((level - level.round()).abs() < 0.1)


grid = _Grid()


class GreyLaw(EventLaw):
    """A probability for each of the 256 levels of each value: `sample` and `mean` are k/255, k = 0 ... 255.

    Of a value between two levels `log_prob` is the nearest level's: `support` tells such values, and figures that
    are printed look at it.
    """

    @property
    def support(self) -> Any:
        return constraints.independent(grid, self.event_ndim)  # type: ignore[no-untyped-call]

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(x) of x (samples ..., batch ..., *event) in [0, 1] -> (samples ..., batch ...)."""
        return self._sum_event(self.log_pmf((value * (LEVELS - 1)).round().clamp(0, LEVELS - 1)))

    def log_pmf(self, level: Tensor) -> Tensor:
        """log P(k) of levels k = 0 ... 255 (floats), which broadcast to (leading ..., *event)."""
        raise NotImplementedError
