"""The likelihood of a model that tells it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count


def exact_log_likelihood(
    log_prob: Callable[[Tensor], Tensor], data: Any, *, batch_size: Count = 500
) -> dict[str, float]:
    """The mean over a split of log p(x), in nats, its standard error, and -log2 p(x) for each value of x, in bits.

    log_prob: an output x -> log p(x) (batch,) of a model that knows it: an autoregressive net, a flow. It is a
    likelihood where log_prob is a probability or a density of the data as they are: bits for a model of bits.
    """
    pairs = [
        (log_prob(batch["x"]).detach().double(), batch["x"][0].numel()) for batch in data.batches(batch_size)
    ]
    values = torch.cat([scores for scores, _ in pairs])
    mean = float(values.mean())
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {
        "log_likelihood": mean,
        "log_likelihood_standard_error": error,
        "bits_per_value": -mean / (pairs[0][1] * math.log(2)),
    }
