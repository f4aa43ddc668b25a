"""The alarm for a critic that is never wrong while it teaches the generator nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Probability, Verdict

TRY = (
    "try a smaller lr for the critic or fewer of its steps, a penalty on its slope (gan/r1), noise on what it sees, "
    "or a loss whose gradient does not vanish there (hinge, nonsaturating)"
)


class Saturated:
    """Rings when, for `rows` rows on end, the critic tells real from fake and the generator's gradient has vanished.

    measured: `told_apart`, the share of pairs of a real and a fake of which the real has the higher score, whatever the
    loss makes of scores: 1 is a critic that is never wrong, 0.5 one that is lost. It counts as certain from `certain`
    on. The gradient has vanished below `vanished` times the median of its norm over the rows so far: a critic that is
    ahead while its slope still leads somewhere is what a penalty makes, and no reason for alarm.
    """

    def __init__(
        self,
        *,
        rows: Count = 5,
        certain: Probability = 0.999,
        vanished: Probability = 0.01,
        generator: str = "generator",
    ) -> None:
        self.certain, self.vanished, self.generator = certain, vanished, generator
        self.recent: deque[bool] = deque(maxlen=rows)
        self.norms: list[float] = []

    def measure(self, real_verdict: Verdict, fake_verdict: Verdict) -> dict[str, Tensor]:
        """The share of pairs in which the real has the higher score; a map of scores counts as its mean."""
        real, fake = (_scores(verdict)[:256] for verdict in (real_verdict, fake_verdict))
        difference = real[:, None] - fake[None, :]
        return {"told_apart": (difference > 0).float().mean() + 0.5 * (difference == 0).float().mean()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        norm = row.get("gradient_norm", {}).get(self.generator)
        if norm is None or "told_apart" not in measured:
            return None
        self.norms.append(norm)
        usual = median(self.norms)
        self.recent.append(measured["told_apart"] >= self.certain and norm <= self.vanished * usual)
        if len(self.recent) < (self.recent.maxlen or 0) or not all(self.recent):
            return None
        return (
            f"for {len(self.recent)} rows the critic tells {measured['told_apart']:.1%} of fakes from real ones, and "
            f"the gradient of {self.generator!r} has vanished: its norm is {norm:.2g}, {usual:.2g} is usual; {TRY}"
        )


def _scores(verdict: Verdict) -> Tensor:
    """One score an example: (batch,)."""
    return torch.as_tensor(verdict.score).flatten(1).mean(1) if verdict.score.ndim > 1 else verdict.score
