"""Numbers that change with the step. Lengths are steps or epochs; outside its length a number holds."""

from __future__ import annotations

import math
from bisect import bisect_right

from genframe import NonNegative, Positive


def linear(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float,
    to: float,
    steps: int | None = None,
    epochs: float | None = None,
    start: int = 0,
) -> float:
    """From `from` to `to` in a straight line."""
    return from_ + (to - from_) * _share(step, steps_per_epoch, steps, epochs, start)


def cosine(
    step: int,
    steps_per_epoch: int,
    *,
    from_: float,
    to: float,
    steps: int | None = None,
    epochs: float | None = None,
    start: int = 0,
) -> float:
    """From `from` to `to` along half a cosine (Loshchilov & Hutter 2017): flat at both ends."""
    share = _share(step, steps_per_epoch, steps, epochs, start)
    return to + (from_ - to) * 0.5 * (1 + math.cos(math.pi * share))


def exponential(
    step: int,
    steps_per_epoch: int,
    *,
    from_: Positive,
    to: Positive,
    steps: int | None = None,
    epochs: float | None = None,
    start: int = 0,
) -> float:
    """From `from` to `to`, both above 0, by a constant factor a step."""
    return float(from_ * (to / from_) ** _share(step, steps_per_epoch, steps, epochs, start))


def power(step: int, steps_per_epoch: int, *, scale: float, exponent: NonNegative) -> float:
    """scale / (1 + step)^exponent: falls for ever, ever slower.

    Gradient noise is `variance: {power: {scale: 0.01, exponent: 0.55}}` (Neelakantan et al. 2015, eq. 1).
    """
    return float(scale / (1 + step) ** exponent)


def steps(
    step: int,
    steps_per_epoch: int,
    *,
    values: tuple[float, ...],
    steps: tuple[int, ...] | None = None,
    epochs: tuple[float, ...] | None = None,
) -> float:
    """The first of `values` until the first of `steps` (or `epochs`), which rise; then the second, and so on.

    Raises ValueError unless there is one value more than there are boundaries.
    """
    boundaries = (
        [round(epoch * steps_per_epoch) for epoch in epochs] if epochs is not None else list(steps or ())
    )
    if len(values) != len(boundaries) + 1 or boundaries != sorted(boundaries):
        raise ValueError(f"{len(values)} values need {len(values) - 1} rising boundaries, not {boundaries}")
    return values[bisect_right(boundaries, step)]


def _share(step: int, steps_per_epoch: int, steps: int | None, epochs: float | None, start: int) -> float:
    """How much of the way lies behind `step`, from 0 to 1. Raises ValueError unless one length is given."""
    if (steps is None) == (epochs is None):
        raise ValueError("a schedule takes its length as `steps` or as `epochs`: one of them")
    length = steps if steps is not None else (epochs or 0) * steps_per_epoch
    return min(max((step - start) / length, 0.0), 1.0) if length > 0 else float(step >= start)
