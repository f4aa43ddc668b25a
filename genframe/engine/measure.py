"""Whether a recipe's likelihood is one of the data as they are: what a figure of log p(x) may be called."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe.data.feed import Split
from genframe.plan import Plan

ROWS = 256
"""Examples of a split that are looked at."""


def measured(plan: Plan, split: Split) -> str:
    """What log p(x|z) of a split's `x` is, by the support of the recipe's one likelihood of such values.

    levels: a probability of the 256 levels of grey. dequantised: a density of values in [0, 1] with noise within a
    level. density, probability: of other values. improper: some values lie outside of the support, so that log_prob is
    a score and no likelihood (a cross-entropy of grey values, say). unknown: no likelihood, several, or no support
    told.
    """
    if not len(split):
        return "unknown"
    x = split.first(ROWS).get("x")
    found = [law for law in _laws(plan) if x is not None and tuple(law.event_shape) == tuple(x.shape[1:])]
    if x is None or len(found) != 1:
        return "unknown"
    try:
        support: Any = found[0].support
        inside = support.check(x.cpu())
    except (NotImplementedError, AttributeError, TypeError, RuntimeError, ValueError):
        return "unknown"
    if not bool(inside.all()):
        return "improper"
    values = getattr(getattr(support, "base_constraint", support), "values", None)
    if isinstance(values, Tensor) and len(values) == 256:
        return "levels"
    if support.is_discrete:
        return "probability"
    return "dequantised" if split.way == "dequantise" else "density"


def _laws(plan: Plan) -> list[Distribution]:
    """The law of each likelihood of the recipe, at features of zeros."""
    laws = []
    for name in plan.recipe.of_kind("likelihood"):
        part: Any = plan.parts.built.get(name)
        instance = plan.wiring.instances.get(name)
        if instance is None or not hasattr(part, "takes") or not hasattr(part, "buffers"):
            continue
        device = next((t.device for t in (*part.parameters(), *part.buffers())), torch.device("cpu"))
        try:
            shape = part.takes(plan.parts.data_shape(instance))
            with torch.no_grad():
                law = part(torch.zeros(1, *shape, device=device))
        except Exception:  # it takes more than features, or data of several shapes: then nothing is said
            continue
        if isinstance(law, Distribution):
            laws.append(law)
    return laws
