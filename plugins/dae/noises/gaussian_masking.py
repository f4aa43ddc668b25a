"""Gaussian noise and masking at once."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_real
from .masking import keep


class GaussianMasking(Noise):
    """Gaussian noise of deviation `std` on every value of x (batch, ...), and then zeros for the share `share`.

    The combination of Cho 2013 ("Simple sparsification improves sparse denoising autoencoders in denoising highly
    corrupted images", "Boltzmann machines and denoising autoencoders for image denoising"). What is masked is 0
    exactly, without Gaussian noise. Not clipped.
    """

    columns = ("std", "share")

    def __init__(
        self, *, std: Annotated[Level, Ge(0)] = 0.1, share: Annotated[Level, Ge(0), Le(1)] = 0.25
    ) -> None:
        self.std, self.share = std, share

    def draw(self, x: Tensor) -> Tensor:
        return torch.stack([draw_level(self.std, x), draw_level(self.share, x)], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "gaussian-masking")
        noised = torch.addcmul(x, per_example(level[:, 0], x), torch.randn_like(x))
        return noised * keep(x, level[:, 1])
