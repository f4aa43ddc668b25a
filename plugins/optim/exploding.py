"""The alarm for a player whose gradients have outgrown all that they were."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from statistics import median
from typing import Any

from genframe import Count, Positive


class Exploding:
    """Rings when the norm of a player's gradient is `times` what was usual, for the median of `rows` rows.

    Usual is the lowest median of so many rows on end that the run has had. Norms differ from row to row by tens, and
    grow in sound games by some tens too: the default lies above.
    """

    def __init__(self, *, rows: Count = 5, times: Positive = 100.0) -> None:
        self.times = times
        self.norms: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=rows))
        self.usual: dict[str, float] = {}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        said: list[str] = []
        for player, norm in row.get("gradient_norm", {}).items():
            norms = self.norms[player]
            norms.append(norm)
            if len(norms) < (norms.maxlen or 0):
                continue
            now = median(norms)
            usual = self.usual[player] = min(self.usual.get(player, now), now)
            if now > self.times * usual > 0:
                said.append(
                    f"the gradient of {player!r} has a norm of {now:.2g}, over {len(norms)} rows, and {usual:.2g} was "
                    "usual; try a smaller lr, a bound of the norm (clip), or a penalty on the critic's slope (gan/r1)"
                )
        return "; ".join(said) or None
