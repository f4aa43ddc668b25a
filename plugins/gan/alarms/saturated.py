"""The alarm for a critic that teaches the generator nothing: never wrong while its slope is gone, or always wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Probability, Verdict

LOST = (
    "its steps are too large or too few: try a smaller lr for it, more of its steps (players.generator.every), or less "
    "of a penalty"
)

TRY = (
    "try a smaller lr for the critic or fewer of its steps, a penalty on its slope (gan/r1), noise on what it sees, "
    "or a loss whose gradient does not vanish there (hinge, nonsaturating)"
)


class Saturated:
    """Rings when, for `rows` rows on end, the critic tells real from fake and the generator's gradient has vanished.

    Or when it takes nearly every fake for the more real one, for as long: then it is lost, and misleads.

    measured: `told_apart`, the share of pairs of a real and a fake of which the real has the higher score, whatever the
    loss makes of scores: 1 is a critic that is never wrong, 0.5 one that guesses. It is certain from `certain` on, and
    lost below `lost`. The gradient has vanished below `vanished` times the norm that was usual before, the greatest
    median of `rows` rows: a critic that is ahead while its slope still leads somewhere is what a penalty makes, and no
    reason for alarm.
    """

    def __init__(
        self,
        *,
        rows: Count = 5,
        certain: Probability = 0.999,
        lost: Probability = 0.05,
        vanished: Probability = 0.01,
        generator: str = "generator",
    ) -> None:
        self.certain, self.lost, self.vanished, self.generator = certain, lost, vanished, generator
        self.told: deque[float] = deque(maxlen=rows)
        self.norms: deque[float] = deque(maxlen=rows)
        self.usual = 0.0

    def measure(self, real_verdict: Verdict, fake_verdict: Verdict) -> dict[str, Tensor]:
        """The share of pairs in which the real has the higher score; a map of scores counts as its mean."""
        real, fake = (_scores(verdict)[:256] for verdict in (real_verdict, fake_verdict))
        difference = real[:, None] - fake[None, :]
        return {"told_apart": (difference > 0).float().mean() + 0.5 * (difference == 0).float().mean()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        norm = row.get("gradient_norm", {}).get(self.generator)
        if norm is None or "told_apart" not in measured:
            return None
        self.told.append(measured["told_apart"])
        self.norms.append(norm)
        if len(self.told) < (self.told.maxlen or 0):
            return None
        self.usual = max(self.usual, median(self.norms))
        rows, largest = len(self.told), max(self.norms)
        if max(self.told) <= self.lost:
            return f"for {rows} rows the critic takes at most {max(self.told):.1%} of fakes for fakes; {LOST}"
        if min(self.told) >= self.certain and largest <= self.vanished * self.usual:
            return (
                f"for {rows} rows the critic tells {min(self.told):.1%} of fakes from real ones, and the gradient of "
                f"{self.generator!r} has vanished: its norm is at most {largest:.2g}, {self.usual:.2g} was usual; {TRY}"
            )
        return None


def _scores(verdict: Verdict) -> Tensor:
    """One score an example: (batch,)."""
    return torch.as_tensor(verdict.score).flatten(1).mean(1) if verdict.score.ndim > 1 else verdict.score
