"""The alarm for a likelihood that buys density from values which never change."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, Positive, Probability

TRY = (
    "a constant value, such as a picture's border, is worth any density, and log p(x) tells of it and of the floor "
    "alone; try data: {dequantise: true}, a likelihood of levels such as discretised-logistic, a greater floor of the "
    "likelihood, or data without these values"
)


class VanishingSigma:
    """Rings where the learned spread of p(x|z) stayed below `least` for a `share` of the values, `rows` rows on end.

    measured: `sigma`, the least standard deviation of any value, and `small`, the share of those below `least`. 0.025
    are six grey levels of 256, a little above the floors of this plugin's likelihoods (0.004 and 0.02), where a free
    sigma of a constant value ends (Goodfellow et al. 2016, section 20.14). Quiet for a spread that never moves, since
    it is fixed, and for laws that are discrete or tell none.
    """

    def __init__(self, *, rows: Count = 10, least: Positive = 0.025, share: Probability = 0.01) -> None:
        self.least, self.share = least, share
        self.recent: deque[float] = deque(maxlen=rows)
        self.first: float | None = None
        self.moved = False

    def measure(self, p_x: Distribution) -> dict[str, Tensor]:
        """Of the spread of each value, (..., batch, *event)."""
        try:
            support: Any = p_x.support
            sigma = None if support is not None and support.is_discrete else p_x.stddev
        except (NotImplementedError, AttributeError):
            sigma = None
        if sigma is None:
            return {}
        return {"sigma": sigma.min(), "small": (sigma < self.least).float().mean()}

    def __call__(self, row: Mapping[str, Any], measured: Mapping[str, float]) -> str | None:
        if not {"sigma", "small"} <= measured.keys():
            return None
        self.first = measured["sigma"] if self.first is None else self.first
        self.moved = self.moved or measured["sigma"] != self.first
        self.recent.append(measured["small"])
        if not self.moved or len(self.recent) < (self.recent.maxlen or 0) or min(self.recent) <= self.share:
            return None
        return (
            f"for {len(self.recent)} rows p(x|z) was sure of {100 * min(self.recent):.0f} % of the values or more to "
            f"within a sigma of {self.least:g}, of some to {measured['sigma']:.2g}: {TRY}"
        )
