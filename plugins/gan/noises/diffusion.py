"""The forward diffusion as an instance noise."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import torch
from torch import Tensor

from genframe import Count, Ge, Le, Len, Level, Levels, Noise, Positive, Probability, draw_level, per_example


class Diffusion(Noise):
    """x (batch, ...) after t steps of a diffusion; the level, `time`, is t / steps (Wang et al. 2023, eq. 2 and 3).

        y = sqrt(a_t) x + (1 - sqrt(a_t)) centre + sqrt(1 - a_t) std e,        a_t = prod_{i <= t} (1 - beta_i)

    with e ~ N(0, I). beta_i goes from the first to the last of `betas` in a straight line over `steps`. The defaults
    are the paper's, whose pictures lie in [-1, 1]: for [0, 1] that is `centre: 0.5, std: 0.025`.

    `noise(x)` draws time from its range. `noise.upto(x, p)` draws t for Diffusion-GAN: a share `clean` is t = 0, the
    others come from 1 to T with the chances `times` (`priority`: proportional to t, or `uniform`), where
    T = first + p (steps - first) follows p, `ada`'s say. (The published code stretches the betas over T, so that what
    a t means changes while the critic learns to read it. Here it does not.)
    """

    columns = ("time",)

    def __init__(
        self,
        *,
        time: Annotated[Level, Ge(0), Le(1)] = (0.0, 1.0),
        steps: Count = 1000,
        betas: Annotated[tuple[Probability, ...], Len(2, 2)] = (1e-4, 2e-2),
        std: Positive = 0.05,
        centre: float = 0.0,
        times: Literal["priority", "uniform"] = "priority",
        first: Count = 10,
        clean: Probability = 0.5,
    ) -> None:
        if first > steps:
            raise ValueError(f"first is a step of the diffusion: at most steps, {steps}, not {first}")
        self.time, self.steps, self.betas, self.std, self.centre = time, steps, tuple(betas), std, centre
        self.times, self.first, self.clean = times, first, clean

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.time, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        if not x.is_floating_point():
            raise TypeError(f"diffusion takes real values, got {x.dtype} of the shape {tuple(x.shape)}")
        step = (level[:, 0] * self.steps).round().long()
        share = per_example(_kept(self.steps, *self.betas, x.device)[step], x)  # a_t
        kept, noise = share.sqrt(), (1 - share).sqrt() * self.std
        return torch.addcmul(kept * x + (1 - kept) * self.centre, noise, torch.randn_like(x))

    def upto(self, x: Tensor, p: Tensor | float) -> tuple[Tensor, Levels]:
        """x (batch, ...) at steps that are drawn up to T, which p in [0, 1] decides: (noised x, levels)."""
        last = (self.first + torch.as_tensor(p, device=x.device) * (self.steps - self.first)).round()
        u, clean = torch.rand(2, len(x), device=x.device)
        if self.times == "uniform":
            step = u * last
        else:  # P(t <= s) = s (s + 1) / (T (T + 1)), inverted
            step = ((1 + 4 * u * last * (last + 1)).sqrt() - 1) / 2
        step = torch.minimum(step.ceil().clamp(min=1), last) * (clean >= self.clean)
        return self(x, level=step / self.steps)


@lru_cache(maxsize=16)
def _kept(steps: int, first: float, last: float, device: torch.device) -> Tensor:
    """a_t for t = 0 to steps: (steps + 1,)."""
    betas = torch.linspace(first, last, steps, dtype=torch.float64)
    kept = torch.cat([torch.ones(1, dtype=torch.float64), (1 - betas).cumprod(0)])
    return kept.float().to(device)
