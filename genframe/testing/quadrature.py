"""The integral of a law's density over the range of its samples, and the sum over a discrete law's values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from genframe.testing.kit import NotApplicable
from genframe.testing.laws import Law
from genframe.testing.statistics import cumulative, knots_of, panels, spread

LINE = 4096
"""Samples whose order statistics are the knots in one dimension."""
AXIS = 64
"""Quantiles that are knots of each axis in two dimensions, besides the tails'."""
VALUES = 70_000
"""Values of a discrete law at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A density of one dimension, integrated from the least to the greatest of some samples.

    knots: (K, rows). cdf: (K, rows), not divided by `total` (rows,). error: (rows,), what halving the panels changed.
    """

    knots: Tensor
    cdf: Tensor
    total: Tensor
    error: Tensor

    @classmethod
    def of(cls, law: Law) -> Line:
        knots = law.chart.coordinates(law.draw(LINE).detach()).squeeze(-1).double().sort(dim=0).values

        def density(nodes: Tensor) -> Tensor:
            return law.density(nodes.unsqueeze(-1))

        with torch.no_grad():
            fine, coarse = cumulative(density, knots), cumulative(density, knots[::2])[-1]
        return cls(knots, fine, fine[-1], (fine[-2] - coarse).abs())


@dataclass(frozen=True, slots=True)
class Grid:
    """A density of two dimensions, integrated over the box of some samples: a product of panels on either axis.

    nodes: (N, rows, 2). masses: (N, rows), weight times density. total, error: (rows,).
    """

    nodes: Tensor
    masses: Tensor
    total: Tensor
    error: Tensor
    middle: Tensor
    scale: Tensor

    @classmethod
    def of(cls, law: Law) -> Grid:
        drawn = law.chart.coordinates(law.draw(4 * LINE).detach()).double()
        knots = knots_of(drawn, AXIS)
        with torch.no_grad():
            nodes, masses = _masses(law, knots)
            total = masses.sum(0)
            coarse = _masses(law, torch.cat([knots[:-1:2], knots[-1:]]))[1].sum(0)
        scale = spread(drawn).clamp(min=1e-12)
        return cls(nodes, masses, total, (total - coarse).abs() / 4, drawn.median(0).values, scale)

    def standardised(self, coordinates: Tensor) -> Tensor:
        """Coordinates (n, rows, 2) less the samples' median, by their spread."""
        return (coordinates - self.middle) / self.scale


def _masses(law: Law, knots: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes (N, rows, 2) and masses (N, rows) of the product of the panels between knots (K, rows, 2)."""
    points, weights = panels(knots)  # (m, rows, 2)
    m = len(points)
    pairs = [part.unsqueeze(d).expand(m, m, -1) for d, part in ((1, points[..., 0]), (0, points[..., 1]))]
    nodes = torch.stack([pair.flatten(0, 1) for pair in pairs], -1)
    area = (weights[:, None, :, 0] * weights[None, :, :, 1]).flatten(0, 1)
    return nodes, area * law.density(nodes)


@dataclass(frozen=True, slots=True)
class Events:
    """A discrete law: its values (E, size), their probabilities by log_prob and counts among samples (E, rows).

    missing: (rows,), a bound on the probability of values that were never seen; 0 where the support is told.
    """

    events: Tensor
    probabilities: Tensor
    counts: Tensor
    missing: Tensor


def discrete_events(law: Law, samples: int) -> Events:
    """The values of a discrete law: its support's where that is told and small, else those among its samples.

    Samples among 0, 1/255 ... 1 count as the 256 levels of a picture, for events of one number. Raises NotApplicable
    where there are too many to sum over.
    """
    if not law.answers:
        raise NotApplicable(f"log_prob of {law.label} answers for its own samples alone")
    drawn = law.draw(samples).detach()
    told = _told(law, drawn)
    seen = drawn.flatten(0, 1)
    known = seen if told is None else torch.cat([told.to(seen), _snapped(seen, told)])
    events, inverse = torch.unique(known, dim=0, return_inverse=True)
    if len(events) > VALUES:
        raise NotApplicable(f"{law.label} has more values than could be summed over")
    inverse = inverse[len(known) - len(seen) :].reshape(samples, law.rows)
    counts = torch.stack([torch.bincount(column, minlength=len(events)) for column in inverse.T], -1)
    probabilities = law.log_prob(events.unsqueeze(1).expand(-1, law.rows, -1)).exp()
    missing = _unseen(counts, samples) if told is None else torch.zeros(law.rows)
    return Events(events, probabilities.detach(), counts, missing)


def _unseen(counts: Tensor, n: int) -> Tensor:
    """Good and Turing's estimate of the probability of what was not seen, plus six of its standard errors."""
    once, twice = (counts == 1).sum(0).double(), (counts == 2).sum(0).double()
    return (once + 6 * (once + 2 * twice + 1).sqrt() + 20) / n


def _told(law: Law, drawn: Tensor) -> Tensor | None:
    """All values (E, size) that the law says it has, or None."""
    levels = _levels(law.support)
    if levels is None and law.support is None and law.size == 1:
        grid = torch.arange(256) / 255
        wide = float(drawn.min()) >= 0 and float(drawn.max()) <= 1 and len(torch.unique(drawn)) > 2
        if wide and torch.allclose(drawn * 255, (drawn * 255).round(), atol=1e-3):
            levels = grid
    if levels is None or len(levels) ** law.size > VALUES:
        return None
    return torch.cartesian_prod(*[levels] * law.size).reshape(-1, law.size)


def _levels(support: Any) -> Tensor | None:
    """The values of one coordinate: torch's `boolean` and `integer_interval`, or a constraint's `values`."""
    base = getattr(support, "base_constraint", support)
    if isinstance(
        getattr(base, "values", None), Tensor
    ):  # a constraint of one's own that tells them: grey levels
        return base.values  # type: ignore[no-any-return]
    if type(base).__name__ == "_Boolean":
        return torch.tensor([0.0, 1.0])
    low, high = (getattr(base, f"{side}_bound", None) for side in ("lower", "upper"))
    if type(base).__name__ == "_IntegerInterval" and low is not None and high is not None:
        return torch.arange(int(torch.as_tensor(low).min()), int(torch.as_tensor(high).max()) + 1).float()
    return None


def _snapped(seen: Tensor, told: Tensor) -> Tensor:
    """Samples put on the nearest level, so that rounding in the last place makes no value of its own."""
    levels = torch.unique(told)
    return levels[(seen.unsqueeze(-1) - levels.to(seen)).abs().argmin(-1)] if len(levels) > 2 else seen


def in_words(totals: Tensor, law: Law, row: int) -> str:
    """What is probably wrong where exp(log_prob) of each row integrates to `totals` (rows,)."""
    total = float(totals[row])
    if math.isnan(total):
        return "log_prob is NaN within the range of the samples"
    if total <= 0 or math.isinf(total):
        return "log_prob is far from a density: a sign, or values beyond the range of floats?"
    scales = law.draw(2 * LINE).detach().double().std(0).clamp(min=1e-12).log().sum(-1)
    half = 0.5 * math.log(2 * math.pi)
    constants = {
        0.0: "",
        law.size * half: "-0.5 log(2 pi) for each number of the event",
        half: "-0.5 log(2 pi), once",
    }
    logs = totals.log()
    constant_words = _constant(logs, law.size)
    if constant_words and law.rows > 1 and bool(scales.diff().abs().gt(0.1).any()):
        return constant_words
    for (constant, lacks), (power, jacobian) in product(constants.items(), _JACOBIANS.items()):
        if (constant or power) and bool((logs - constant - power * scales).abs().lt(0.05).all()):
            words = " and ".join(filter(None, (lacks, jacobian)))
            if constant_words:  # the scales are all alike: a power of them is a constant too
                return f"{constant_words}; or does it lack {words}"
            return f"log_prob is {math.log(total):+.3f} too large in mean: it seems to lack {words}"
    if constant_words:
        return constant_words
    for power, jacobian in _JACOBIANS.items():
        if power and bool((logs.diff() - power * scales.diff()).abs().lt(0.05).all()) and law.rows > 1:
            return (
                f"from row to row the integral changes as exp(-log_prob) does by {jacobian}: is it missing?"
            )
    return "a wrong constant, a missing Jacobian, or a mean over the event instead of a sum"


def _constant(logs: Tensor, size: int) -> str:
    """A hint where exp(log_prob) is off by the same known constant in each row; `logs` (rows,) of the integrals."""
    for (name, value), numbers in product(_CONSTANTS.items(), dict.fromkeys((1, size))):
        for sign, side in ((1, "large"), (-1, "small")):
            if bool((sign * logs - numbers * value).abs().lt(0.02).all()):
                each = f" for each of the {numbers} numbers of the event" if numbers > 1 else ""
                off = float(logs.mean().abs())
                return (
                    f"log_prob is {off:.3f} too {side} in every row, a constant: {value:.3f} is {name}{each}"
                )
    return ""


_CONSTANTS = {"log 2": math.log(2), "log pi": math.log(math.pi)}
"""What is often forgotten, or counted twice, besides 0.5 log(2 pi)."""

_JACOBIANS = {
    0: "",
    1: "-log(std), the Jacobian of the scale",
    -1: "log(std): the sign of the Jacobian of the scale?",
    2: "-2 log(std): the sign of the Jacobian of the scale?",
}
"""What exp(log_prob) integrates to, as a power of the standard deviation, where a Jacobian is wrong."""
