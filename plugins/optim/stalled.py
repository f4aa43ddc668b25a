"""The alarm for a player that no longer moves."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from genframe import Count, Positive


class Stalled:
    """Rings when a player makes moves that move nothing, for `rows` rows on end.

    That is: its step changes its parameters by less than `update` of their norm, float32's own rounding being 6e-8; or
    the norm of its gradient is below `gradient`, from where Adam's epsilon of 1e-8 takes over. A learning rate that a
    schedule has brought below a hundredth of its highest is meant so, and no reason for alarm; a player that rests
    makes no moves.
    """

    def __init__(self, *, rows: Count = 5, update: Positive = 1e-8, gradient: Positive = 1e-9) -> None:
        self.update, self.gradient = update, gradient
        self.still: dict[str, deque[bool]] = defaultdict(lambda: deque(maxlen=rows))
        self.highest: dict[str, float] = defaultdict(float)
        self.rows = rows

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        said: list[str] = []
        for player, norm in row.get("gradient_norm", {}).items():
            update, rate = row.get("update", {}).get(player, 1.0), row.get("lr", {}).get(player, 0.0)
            self.highest[player] = max(self.highest[player], rate)
            meant = rate < 0.01 * self.highest[player]
            recent = self.still[player]
            recent.append(not meant and (update < self.update or norm < self.gradient))
            if len(recent) == self.rows and all(recent):
                said.append(
                    f"the player {player!r} has not moved for {self.rows} rows: the norm of its gradient is "
                    f"{norm:.2g}, a step changes its parameters by {update:.2g} of their norm, at lr {rate:.2g}; try a "
                    "higher lr if the gradient is there; if not, see whether its terms reach it (genframe explain), "
                    "and whether a saturated critic or a dead activation stops them"
                )
        return "; ".join(said) or None
