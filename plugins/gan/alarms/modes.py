"""The alarm for samples that grow alike, or leave out what they held before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Probability

ROWS = 256
"""So many examples of a batch are compared with each other at most."""

NEAR = 0.1
"""A real example is covered by a fake that is nearer than a tenth of the batch's real examples are. (Naeem et al. 2020
take the fifth neighbour of many thousands: within a batch that is too near to tell a blunt generator from a poor one.)
"""

TRY = (
    "try a penalty on the critic's slope (gan/r1), several samples shown to it at once (packing), a larger batch, or a "
    "smaller lr for the generator; see samples/ for what is left"
)


class Modes:
    """Rings when a generator's samples collapse, or when modes that it had are gone.

    measured, on the batch of one step between two rows: `diversity`, the mean distance of two fakes over that of two
    real examples; `coverage`, the share of real examples that have a fake among the nearest tenth of what lies around
    them (after Naeem et al. 2020, eq. 5). Both are averaged over `rows` rows. Rings below `least` of diversity, from
    row `grace` on, for an untrained generator makes one grey picture; and below `fall` times the best coverage so far,
    once that was `least`.
    """

    def __init__(
        self, *, rows: Count = 10, grace: Count = 20, least: Probability = 0.2, fall: Probability = 0.5
    ) -> None:
        self.grace, self.least, self.fall = grace, least, fall
        self.diversity: deque[float] = deque(maxlen=rows)
        self.coverage: deque[float] = deque(maxlen=rows)
        self.seen, self.best = 0, 0.0

    def measure(self, x: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Diversity and coverage of fake (batch, ...) against x (batch, ...)."""
        real, made = x.flatten(1)[:ROWS].float(), fake.flatten(1)[:ROWS].float()
        among_real = torch.cdist(real, real)
        spread = among_real.mean() * len(real) / max(len(real) - 1, 1)
        among_made = torch.cdist(made, made).mean() * len(made) / max(len(made) - 1, 1)
        near = among_real.kthvalue(
            min(1 + math.ceil(NEAR * len(real)), len(real)), dim=1
        ).values  # itself the nearest
        covered = torch.cdist(real, made).amin(1) <= near
        return {"diversity": among_made / spread.clamp_min(1e-12), "coverage": covered.float().mean()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        if "coverage" not in measured:
            return None
        self.seen += 1
        self.diversity.append(measured["diversity"])
        self.coverage.append(measured["coverage"])
        count = len(self.coverage)
        if count < (self.coverage.maxlen or 0):
            return None
        diversity, coverage = sum(self.diversity) / count, sum(self.coverage) / count
        self.best = max(self.best, coverage)
        if self.seen >= self.grace and diversity < self.least:
            return (
                f"samples are alike: over {count} rows two of them lie {diversity:.2g} times as far apart as two real "
                f"examples; {TRY}"
            )
        if self.best >= self.least and coverage < self.fall * self.best:
            return (
                f"modes are dropping: over {count} rows samples come near to {coverage:.0%} of the real examples, and "
                f"they came near to {self.best:.0%}; {TRY}"
            )
        return None
