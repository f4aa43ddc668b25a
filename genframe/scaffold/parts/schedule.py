"""A warm-up and a slow decay."""

from __future__ import annotations

from genframe import Count, Positive


def my_schedule(
    step: int,
    steps_per_epoch: int,
    *,
    peak: Positive = 1e-3,
    warmup: Count = 100,
) -> float:
    """Up to `peak` in a straight line over `warmup` steps, then down as 1 / sqrt(step).

        peak * min((step + 1) / warmup, sqrt(warmup / (step + 1)))

    The learning rate of Vaswani et al. (2017, section 5.3) with its peak as a parameter; step counts from 0.
    """
    done = (step + 1) / warmup
    return float(peak * min(done, done**-0.5))
