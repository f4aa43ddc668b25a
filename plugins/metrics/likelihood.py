"""The likelihood by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from genframe import Count

VALUES = 4_000_000
"""So many values of x are decoded at once at most: 5,000 digits, or 16 MB a tensor of them."""


def log_likelihood(
    log_weights: Callable[[Tensor, int], Tensor],
    data: Any,
    *,
    k: Count = 5000,
    count: Count = 1000,
    rows: Count = 5000,
) -> dict[str, float]:
    """The mean over the first `count` examples of log 1/k sum_{i=1}^k w_i, in nats; and its standard error.

    Burda et al. 2016, eq. 8. A lower bound of log p(x) in expectation, which rises with k: quote it with k.
    log_weights: an output (x, k) -> log w (k, batch). At most `rows` pairs of an example and a sample are
    decoded at once, fewer where an example is large.
    """
    first = next(iter(data.batches(1)))["x"]
    rows = min(rows, max(VALUES // first.numel(), 1))
    batches = _first(data, count, max(rows // k, 1))
    values = torch.cat([_of_batch(log_weights, x, k, rows) for x in batches])
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else math.nan
    return {"log_likelihood": float(values.mean()), "log_likelihood_standard_error": error}


def _of_batch(log_weights: Callable[[Tensor, int], Tensor], x: Tensor, k: int, rows: int) -> Tensor:
    """log 1/k sum_i w_i of each x, in double precision: (batch,)."""
    block = max(rows // len(x), 1)
    sizes = [min(block, k - done) for done in range(0, k, block)]
    sums = [log_weights(x, size).double().logsumexp(0) for size in sizes]
    return torch.stack(sums).logsumexp(0) - math.log(k)


def _first(data: Any, count: int, batch_size: int) -> Iterator[Tensor]:
    """The first `count` examples in batches."""
    for batch in data.batches(batch_size):
        if count <= 0:
            return
        yield batch["x"][:count]
        count -= len(batch["x"])
