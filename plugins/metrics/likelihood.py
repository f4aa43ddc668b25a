"""The likelihood by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count

from .bounds import figures, interval

VALUES = 4_000_000
"""So many values of x are decoded at once at most: 5,000 digits, or 16 MB a tensor of them."""


def log_likelihood(
    log_weights: Callable[[Any, int], Tensor],
    data: Any,
    *,
    k: Count | tuple[Count, ...] = 5000,
    count: Count = 1000,
    rows: Count = 5000,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> dict[str, float]:
    """The mean over the first `count` examples of log 1/k sum_{i=1}^k w_i, in nats; and its standard error.

    Burda et al. 2016, eq. 8. A lower bound of log p(x) in expectation, which rises with k: quote it with k. Several k
    are taken in one pass, the smaller ones of the first samples of the largest, as `log_likelihood_50`, say; the
    largest is `log_likelihood` itself, with a 95 % bootstrap interval over the examples, `lower` to `upper`. Bits per
    dimension, and where there is no likelihood: as for `elbo`.
    log_weights: an output (x, k) -> log w (k, batch), called with a batch, of which it takes what it asks for. At most
    `rows` pairs of an example and a sample are decoded at once, fewer where an example is large. precision: of the
    nets; bf16 moves the mean of bits' likelihoods by less than a tenth of a nat, and is for processors that are faster
    in it. Levels of grey hang on finer differences: leave them in fp32.
    """
    if precision == "bf16":
        log_weights = getattr(log_weights, "in_bf16", log_weights)
    several = (k,) if isinstance(k, int) else tuple(k)
    most = max(several)
    rows = min(rows, max(VALUES // data.first(1)["x"].numel(), 1))
    batches = first(data, count, max(rows // most, 1))
    columns = torch.cat([_of_batch(log_weights, x, sorted(set(several)), rows) for x in batches], 1)
    found = figures("log_likelihood", columns[-1], data)
    name = next(iter(found))
    found[f"{name}_lower"], found[f"{name}_upper"] = interval(columns[-1])
    if len(several) > 1:
        pairs = zip(sorted(set(several)), columns, strict=True)
        found |= {f"{name}_{size}": float(values.mean()) for size, values in pairs}
    return found


def _of_batch(log_weights: Callable[[Any, int], Tensor], batch: Any, several: list[int], rows: int) -> Tensor:
    """log 1/k sum_{i<=k} w_i of each x for each k (ascending), in double precision: (k's, batch)."""
    block = max(rows // len(batch["x"]), 1)
    done, total, found = 0, torch.tensor(-math.inf, dtype=torch.float64), []
    for k in several:
        while done < k:
            size = min(block, k - done)
            weights = log_weights(batch, size)
            total = torch.logaddexp(total.to(weights.device), weights.double().logsumexp(0))
            done += size
        found.append(total - math.log(k))
    return torch.stack(found)


def first(data: Any, count: int, batch_size: int) -> Iterator[dict[str, Tensor]]:
    """The first `count` examples in batches."""
    for batch in data.batches(batch_size):
        if count <= 0:
            return
        yield {name: rows[:count] for name, rows in batch.items()}
        count -= len(batch["x"])
