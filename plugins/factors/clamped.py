"""The clamp of DC-IGN: in a batch that varies one factor, one part of the code may vary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Count, DiagonalGaussian, Ge, NonNegative


class Clamped:
    """q(z|x) of a batch that varies one factor: the latents of what does not vary are those of the batch's mean.

    Kulkarni et al. 2015 (Deep Convolutional Inverse Graphics Network), section 3.2. Mean and standard deviation alike
    are clamped. Backwards a clamped latent gets, in place of its gradient, `invariance` times its difference from the
    batch's mean, which pulls the batch together (1/100 in the paper).

    factors: columns of the wire `factors` that get latents of their own, `latents` each, from the first latent on; the
    others stand for all other factors. `{factors: [2], latents: 1}` gives a sprite's angle the first latent. Where
    several factors vary, as in a batch of any sprites, the latents of all of them are free.
    """

    def __init__(
        self,
        *,
        factors: tuple[Annotated[int, Ge(0)], ...] = (2,),
        latents: Count = 1,
        invariance: NonNegative = 0.01,
    ) -> None:
        self.factors, self.latents, self.invariance = tuple(factors), latents, invariance

    def __call__(self, q_z: DiagonalGaussian, factors: Tensor) -> DiagonalGaussian:
        """q_z over vectors (batch, d), factors (batch, f) -> the clamped q(z|x).

        Raises ValueError where there are fewer latents or factors than `factors` and `latents` speak of.
        """
        if q_z.mean.ndim != 2 or factors.ndim != 2:
            came = f"{tuple(q_z.mean.shape)} and {tuple(factors.shape)}"
            raise ValueError(
                f"clamped takes q(z|x) over vectors (batch, d) and factors (batch, f), not {came}"
            )
        free = self.free(factors, q_z.mean.shape[-1])
        apply: Callable[[Tensor, Tensor, float], Tensor] = _Clamp.apply
        mean, std = (apply(part, free, self.invariance) for part in (q_z.mean, q_z.stddev))
        return DiagonalGaussian(mean, std)

    def free(self, factors: Tensor, d: int) -> Tensor:
        """Which of d latents vary in a batch with these factors (batch, f): bool (d,)."""
        own = len(self.factors) * self.latents
        if own > d or max(self.factors, default=0) >= factors.shape[-1]:
            raise ValueError(
                f"factors {list(self.factors)} of {self.latents} latents each, and there are {d} latents and "
                f"{factors.shape[-1]} factors"
            )
        varied = (factors != factors[:1]).any(0)  # (f,)
        others = [column for column in range(factors.shape[-1]) if column not in self.factors]
        named = varied[list(self.factors)].repeat_interleave(self.latents)
        return torch.cat([named, varied[others].any().expand(d - own)])


class _Clamp(torch.autograd.Function):
    """value (batch, d), where it is not `free` (d,) its mean over the batch; backwards the pull towards that."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, free: Tensor, invariance: float) -> Tensor:
        mean = value.mean(0, keepdim=True)
        ctx.save_for_backward(value - mean, free)
        ctx.invariance = invariance
        return torch.where(free, value, mean)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        difference, free = ctx.saved_tensors
        return torch.where(free, gradients[0], ctx.invariance * difference), None, None
