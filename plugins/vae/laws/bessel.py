"""Modified Bessel functions of the first kind, in logarithms, of any order and stable for any argument."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

LEAST = 16.0
"""The order from which Debye's expansion to four terms errs by less than 2e-8."""


def log_bessel(order: float, kappa: Tensor) -> tuple[Tensor, Tensor]:
    """log I_order(kappa) and the ratio I_{order+1} / I_order, both of kappa's shape, in double precision.

    order >= 0, kappa > 0. Both carry the gradient in kappa, by the recurrences of Abramowitz & Stegun (9.6.26):

        d log I_v = r + v / kappa,        d r = 1 - r^2 - (2 v + 1) r / kappa,        r = I_{v+1} / I_v
    """
    found: tuple[Tensor, Tensor] = _LogBessel.apply(kappa.double(), order)  # type: ignore[no-untyped-call]
    return found


class _LogBessel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kappa: Tensor, order: float) -> tuple[Tensor, Tensor]:
        steps = max(0, math.ceil(LEAST - order))
        top = order + steps
        value = _debye(top, kappa)
        ratio = (_debye(top + 1, kappa) - value).exp()
        for step in range(steps):  # downwards, where the recurrence is stable
            ratio = 1 / (2 * (top - step) / kappa + ratio)
            value = value - ratio.log()
        ctx.save_for_backward(kappa, ratio)
        ctx.order = order
        return value, ratio

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, to_value: Tensor, to_ratio: Tensor) -> tuple[Tensor, None]:
        kappa, ratio = ctx.saved_tensors
        slope = 1 - ratio.square() - (2 * ctx.order + 1) * ratio / kappa
        return to_value * (ratio + ctx.order / kappa) + to_ratio * slope, None


def _debye(order: float, kappa: Tensor) -> Tensor:
    """log I_order(kappa) by the uniform expansion for large orders (Abramowitz & Stegun 9.7.7, 9.3.9)."""
    root = torch.sqrt(order**2 + kappa.square())
    t = order / root
    s = t.square()
    first = t * (3 - 5 * s) / 24
    second = s * (81 - 462 * s + 385 * s**2) / 1152
    third = t * s * (30375 - 369603 * s + 765765 * s**2 - 425425 * s**3) / 414720
    fourth = (
        s**2 * (4465125 - 94121676 * s + 349922430 * s**2 - 446185740 * s**3 + 185910725 * s**4) / 39813120
    )
    series = first / order + second / order**2 + third / order**3 + fourth / order**4
    leading = root + order * (kappa / (order + root)).log() - 0.5 * (2 * math.pi * root).log()
    return leading + torch.log1p(series)
