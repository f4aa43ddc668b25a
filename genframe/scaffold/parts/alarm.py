"""An alarm for a training that has stopped getting better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genframe import Count, Probability
from torch import Tensor


class MyAlarm:
    """Rings when no weighted term of any player was lower than ever before for `rows` rows on end.

    Not where the data of a step are all alike, by less than `spread`: then nothing is to be learned from them.
    """

    def __init__(self, *, rows: Count = 40, spread: Probability = 1e-6) -> None:
        self.rows, self.spread = rows, spread
        self.best: dict[str, float] = {}
        self.since = 0

    def measure(self, x: Tensor) -> dict[str, Tensor]:
        """What it wants to know of a step's wires, as tensors of one number: here of the data."""
        return {"spread": x.flatten(1).float().std(0).mean()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        """A row of metrics.jsonl, and what was measured since the last; the words of the alarm, or None."""
        terms = row.get("weighted", {})
        better = {key: value for key, value in terms.items() if value < self.best.get(key, 1e30)}
        self.best |= better
        learns = better or not terms or measured.get("spread", 1.0) < self.spread
        self.since = 0 if learns else self.since + 1
        if self.since < self.rows:
            return None
        return f"no term was lower than ever before for {self.since} rows; try a smaller lr, or stop here"
