"""The alarm for codes that say nothing of the data."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, Positive

TRY = (
    "try a weight of the KL that starts small (beta on a schedule), free bits, a weaker decoder, or a smaller lr; see "
    "metrics: active-units"
)


class PosteriorCollapse:
    """Rings when no unit of the code was active for `rows` rows on end.

    measured: `activity`, the largest variance over the batch that the mean of q(z|x) has in any unit. A unit is active
    above `least`, as Burda et al. (2016, section 5.2) count them; some inactive units are usual, none active is
    collapse.
    """

    def __init__(self, *, rows: Count = 10, least: Positive = 0.01) -> None:
        self.least = least
        self.recent: deque[float] = deque(maxlen=rows)

    def measure(self, q_z: Distribution) -> dict[str, Tensor]:
        """The variance over the batch of the most active unit's mean; q_z has (batch, ...)."""
        mean = q_z.mean
        return {"activity": mean.flatten(1).var(0).max()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        if "activity" not in measured:
            return None
        self.recent.append(measured["activity"])
        if len(self.recent) < (self.recent.maxlen or 0) or max(self.recent) >= self.least:
            return None
        return (
            f"for {len(self.recent)} rows no unit of the code was active: over the batch the mean of the most active "
            f"one varies by {max(self.recent):.2g}, and {self.least:g} is the least that counts; {TRY}"
        )
