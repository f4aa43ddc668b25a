"""Whether samples have the law of the data: a test by energy distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count


def two_sample(
    sample: Callable[[int], Tensor], data: Any, *, count: Count = 1000, permutations: Count = 999
) -> dict[str, float]:
    """The energy distance between `count` samples and as many examples, and its p-value by permutation.

        2 E|x - y| - E|x - x'| - E|y - y'|,    0 where both have one law, and nowhere else

    Szekely and Rizzo 2004. The examples are drawn from the split without replacement. The p-value is that of samples
    and examples having the same law: (1 + permutations with as large a distance) / (1 + permutations). Draws must be
    independent: those of a chain must be of many chains, or far apart in one.
    """
    pool = data.tensors["x"]
    count = min(count, len(pool))
    examples = pool[torch.randperm(len(pool), device=pool.device)[:count]]
    points = torch.cat([sample(count), examples]).flatten(1).double()
    distances = torch.cdist(points, points)
    signs = torch.ones(2 * count, dtype=torch.float64, device=points.device)
    signs[count:] = -1
    orders = [torch.arange(2 * count), *(torch.randperm(2 * count) for _ in range(permutations))]
    signed = torch.stack([signs[order.to(signs.device)] for order in orders])  # (1 + permutations, points)
    found = -((signed @ distances) * signed).sum(1) / count**2
    p = float((found >= found[0] - 1e-12).double().mean())
    return {"energy_distance": float(found[0]), "energy_p": p}
