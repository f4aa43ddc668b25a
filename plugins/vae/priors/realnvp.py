"""A prior of affine coupling layers."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, Ge, Shape

from ..laws.flow import Flow, standard

BOUND = 3.0
"""Of a log-scale: scales from 0.05 to 20 a layer."""


class Coupling(nn.Module):
    """Half of z passes, and decides how the other half is scaled and shifted (Dinh et al. 2017, eq. 7 and 8)."""

    def __init__(self, size: int, hidden: tuple[int, ...], swapped: bool) -> None:
        super().__init__()
        self.sizes = [size // 2, size - size // 2]
        self.swapped = swapped
        passing, moved = reversed(self.sizes) if swapped else self.sizes
        widths = (passing, *hidden)
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        last = nn.Linear(widths[-1], 2 * moved)
        with torch.no_grad():
            last.weight.mul_(0.1)  # near the identity at first
        self.net = nn.Sequential(*layers, last)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        passing, moved = self._split(z)
        shift, log_scale = self._affine(passing)
        return self._joined(passing, torch.addcmul(shift, moved, log_scale.exp())), log_scale.sum(-1)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        passing, moved = self._split(z)
        shift, log_scale = self._affine(passing)
        return self._joined(passing, (moved - shift) * (-log_scale).exp()), log_scale.sum(-1)

    def _affine(self, passing: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.net(passing).chunk(2, -1)
        return shift, BOUND * torch.tanh(raw / BOUND)

    def _split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        first, second = torch.split(z, self.sizes, -1)
        return (second, first) if self.swapped else (first, second)

    def _joined(self, passing: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([moved, passing] if self.swapped else [passing, moved], -1)


class RealNVPPrior(nn.Module):
    """p(z) over vectors of `dim`: a standard Gaussian through `layers` coupling layers, halves in turn.

    Samples and densities take one pass each. It starts near the standard Gaussian. Raises ValueError for dim < 2, as a
    half of one number is none.
    """

    def __init__(
        self, *, dim: Annotated[int, Ge(2)], layers: Count = 6, hidden: tuple[Count, ...] = (128, 128)
    ) -> None:
        super().__init__()
        if dim < 2:
            raise ValueError(f"coupling layers need vectors of at least 2 numbers, not of {dim}")
        self.event_shape: Shape = (dim,)
        self.layers = nn.ModuleList(Coupling(dim, hidden, bool(number % 2)) for number in range(layers))

    def forward(self) -> Flow:
        base = standard(self.event_shape[0], next(self.parameters()))
        return Flow(base, list(self.layers))  # type: ignore[arg-type]
