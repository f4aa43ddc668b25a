"""Masked autoregressive nets, and the affine flows that they make."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BOUND = 3.0
"""Of a log-scale that is not gated: scales from 0.05 to 20 a step."""


class MaskedLinear(nn.Linear):
    """A linear layer whose weights live where `mask` (out, in) is 1."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    """z (..., size)[, context (..., context)] -> (m, s), each (..., size): number i of both depends on z_1 ... z_{i-1}.

    Germain et al. 2015, two hidden layers of `hidden` rectified units. Hidden degrees go from 0 (units that see the
    context alone, so that the first number of z has a law of its own for each row) to size - 1. backwards: the
    order of the numbers is reversed. bias: where s starts.
    """

    def __init__(
        self, size: int, hidden: int, context: int = 0, *, backwards: bool = False, bias: float = 0.0
    ) -> None:
        super().__init__()
        inner = torch.arange(hidden) % size  # 0 ... size - 1
        outer = torch.arange(1, size + 1)
        outer = outer.flip(0) if backwards else outer
        self.first = MaskedLinear((outer[None] <= inner[:, None]).float())
        self.context = nn.Linear(context, hidden, bias=False) if context else None
        self.middle = MaskedLinear((inner[None] <= inner[:, None]).float())
        self.last = MaskedLinear((inner[None] < outer[:, None]).float().repeat(2, 1))
        with torch.no_grad():
            self.last.weight.mul_(0.1)  # each step starts near a map that all numbers share
            self.last.bias.zero_()
            self.last.bias[size:] = bias

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        hidden = self.first(z)
        if self.context is not None and context is not None:
            hidden = hidden + self.context(context)
        shift, scale = self.last(F.relu(self.middle(F.relu(hidden)))).chunk(2, -1)
        return shift, scale


class Autoregressive:
    """x -> y = scale x + shift, both by a MADE of x: one pass that way, at most `size` passes back.

    gated: scale = sig(s), shift = (1 - sig(s)) m (Kingma et al. 2016, algorithm 1), which is stable; otherwise
    log scale = s, smoothly bounded by `BOUND`, and shift = m. swapped: `forward` is the way back, so that densities
    take one pass and samples `size` (a masked autoregressive flow, Papamakarios et al. 2017).
    """

    def __init__(
        self, net: MADE, context: Tensor | None = None, *, gated: bool = True, swapped: bool = False
    ) -> None:
        self.net, self.context, self.gated, self.swapped = net, context, gated, swapped

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if not self.swapped:
            return self._there(z)
        back, volume = self._back(z)
        return back, -volume

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        if not self.swapped:
            return self._back(z)
        there, volume = self._there(z)
        return there, -volume

    def _affine(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """log scale and shift of y at x."""
        m, s = self.net(x, self.context)
        if self.gated:
            return F.logsigmoid(s), torch.sigmoid(-s) * m
        return BOUND * torch.tanh(s / BOUND), m

    def _there(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self._affine(x)
        return torch.addcmul(shift, log_scale.exp(), x), log_scale.sum(-1)

    def _back(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """x with y = scale(x) x + shift(x), and log|det dy/dx| there.

        Each pass puts one more number right, as it depends on those before it; often all are long before the last.
        With gradient, `size` passes from the solution have that of the inverse, since each carries it one number on.
        """
        with torch.no_grad():
            x = torch.zeros_like(y)
            for _ in range(y.shape[-1]):
                before, x = x, self._pass(x, y)
                if torch.equal(before, x):
                    break
        if torch.is_grad_enabled():
            for _ in range(y.shape[-1]):
                x = self._pass(x, y)
        return x, self._affine(x)[0].sum(-1)

    def _pass(self, x: Tensor, y: Tensor) -> Tensor:
        log_scale, shift = self._affine(x)
        # Numbers that are not right yet may be anything: kept finite, so that their weight of 0 is worth 0.
        return ((y - shift) * (-log_scale).exp()).clamp(-1e6, 1e6)
