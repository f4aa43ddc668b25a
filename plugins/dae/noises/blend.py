"""A blend of the picture and pure noise."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_real


class Blend(Noise):
    """(1 - level) x + level n: from the clean x (batch, ...) at level 0 to pure noise n at level 1.

    towards: `uniform` noise in [0, 1], so that pictures stay in range; or `gaussian` noise, n ~ N(0, I).
    keep: `mean`, the formula above; or `variance`, sqrt(1 - level^2) x + level n, in which `level` is the deviation
    of the noise and x of unit variance keeps it when blended with Gaussian noise (Ho et al. 2020, eq. 4, with
    level^2 = 1 - alpha_bar).
    """

    columns = ("level",)

    def __init__(
        self,
        *,
        level: Annotated[Level, Ge(0), Le(1)] = (0.0, 1.0),
        towards: Literal["uniform", "gaussian"] = "uniform",
        keep: Literal["mean", "variance"] = "mean",
    ) -> None:
        self.level, self.towards, self.keep = level, towards, keep

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.level, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "blend")
        share = per_example(level[:, 0], x)
        pure = torch.rand_like(x) if self.towards == "uniform" else torch.randn_like(x)
        if self.keep == "mean":
            return torch.lerp(x, pure, share)
        return torch.addcmul((1 - share.square()).sqrt() * x, share, pure)
