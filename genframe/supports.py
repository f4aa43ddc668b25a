"""Whether two laws are laws of the same values: a posterior and its prior, say."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

BITS, ONE_HOTS, OTHERS, REALS = "zeros and ones", "one-hot vectors", "discrete values", "real numbers"
DIRECTIONS = "unit vectors"

_CHOICES = {
    BITS: "of zeros and ones there are the posteriors bernoulli and concrete, the priors bernoulli, made and rbm",
    ONE_HOTS: "of one-hot vectors there are the posteriors categorical and gumbel-softmax, the prior categorical",
    REALS: "of real numbers there are the posterior gaussian and the prior gaussian",
    DIRECTIONS: "of unit vectors there are the posterior von-mises-fisher and the prior sphere",
}


def unlike(q: Any, p: Any) -> str:
    """What is wrong with a posterior q and a prior p that one loss compares; empty where nothing is known to be.

    Their events have one shape, and both are continuous or both of the same discrete values, as far as they tell
    their supports.
    """
    if not (isinstance(q, Distribution) and isinstance(p, Distribution)):
        return ""
    events = [tuple(law.event_shape) for law in (q, p)]
    if events[0] != events[1]:
        return f"the posterior has codes of shape {events[0]}, the prior of shape {events[1]}: give both the same"
    values = [values_of(law) for law in (q, p)]
    if None in values or values[0] == values[1] or OTHERS in values:
        return ""
    hint = _CHOICES.get(str(values[1]), "")
    laws = f"the posterior ({type(q).__name__}) is a law of {values[0]}, the prior ({type(p).__name__}) of {values[1]}"
    return f"{laws}: {hint}" if hint else laws


def bounds_of(law: Distribution) -> tuple[float, float] | None:
    """The least and the greatest value that a law is told to have, infinite where there is none; None if none is told.

    Of zeros and ones, or of levels, what lies between two of them is within the bounds, though in no support: a
    cross-entropy of it is a score that has a best answer, and beyond the bounds it has none.
    """
    support = _support(law)
    values = getattr(support, "values", None)
    if isinstance(values, Tensor):
        return float(values.min()), float(values.max())
    if type(support).__name__ in ("_Boolean", "_OneHot", "_Simplex"):
        return 0.0, 1.0
    ends = [getattr(support, name, None) for name in ("lower_bound", "upper_bound")]
    if ends == [None, None]:
        return None if support is None else (-math.inf, math.inf)
    low, high = ends
    return (-math.inf if low is None else float(low), math.inf if high is None else float(high))


def holds(law: Distribution, x: Tensor) -> bool | None:
    """Whether all of x (..., *event) lies in a law's support; None where that is not told."""
    try:
        support: Any = law.support
        return bool(support.check(x).all())
    except (NotImplementedError, AttributeError, TypeError, RuntimeError, ValueError):
        return None


def values_of(law: Distribution) -> str | None:
    """What a law is a law of, in words; None where it tells no support."""
    support = _support(law)
    if support is None:
        return None
    if not support.is_discrete:
        return DIRECTIONS if type(support).__name__ == "_Sphere" else REALS
    return {"_Boolean": BITS, "_OneHot": ONE_HOTS}.get(type(support).__name__, OTHERS)


def _support(law: Distribution) -> Any:
    """The constraint of one number, or of one vector; None where none is told."""
    try:
        support: Any = law.support
    except (NotImplementedError, AttributeError):
        return None
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support
