"""Values of wires in words, for errors and tables: what they are, what can be asked of them, why they failed."""

from __future__ import annotations

import traceback
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor
from torch.distributions import Distribution

from genframe.values import Levels, Shape, Terms, Verdict

_DISTRIBUTION = frozenset(
    ("sample", "rsample", "log_prob", "mean", "mode", "variance", "stddev", "entropy", "logits", "probs")
)


def attributes_of(value: Any) -> frozenset[str]:
    """What of a value is reachable in an expression, by its type."""
    if isinstance(value, Distribution):
        return _DISTRIBUTION
    if isinstance(value, Levels):
        return frozenset(value.names)
    if isinstance(value, Verdict):
        return frozenset(f.name for f in fields(value))
    return frozenset()


def describe(value: Any) -> str:
    """A value in a few words: its type and shape."""
    if isinstance(value, Tensor):
        return f"tensor {shape_text(tuple(value.shape))}"
    if isinstance(value, Distribution):
        batch, event = tuple(value.batch_shape), tuple(value.event_shape)
        return f"{type(value).__name__} {shape_text(batch)} of {shape_text(event)}"
    if isinstance(value, Levels):
        return f"Levels {', '.join(value.names)}"
    if isinstance(value, Terms):
        return f"Terms of {describe(value.total)}"
    if isinstance(value, tuple):
        return f"({', '.join(map(describe, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(describe(getattr(value, f.name)) for f in fields(value))})"
    return type(value).__name__ if callable(value) else repr(value)


def shape_text(shape: Shape) -> str:
    return "x".join(map(str, shape)) if shape else "()"


def reason_of(error: Exception) -> str:
    text = str(error) or _not_offered(error) or "no message"
    return text.splitlines()[0][:300]


def _not_offered(error: Exception) -> str:
    """What torch leaves unsaid: the law that has no mean, variance or entropy in closed form, and which of them."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    owner = frames[-1].f_locals.get("self") if frames else None
    if not isinstance(error, NotImplementedError) or not isinstance(owner, Distribution):
        return ""
    return f"{type(owner).__name__} offers no {frames[-1].f_code.co_name!r}, which this asks for"
