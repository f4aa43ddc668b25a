"""What figures of log p(x) are called, and what they are in bits: shared by the metrics of a likelihood."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

RESAMPLES = 2000
"""Bootstrap samples of an interval: its ends are then good to some 3 % of its width."""


def figures(name: str, values: Tensor, data: Any) -> dict[str, float]:
    """The mean over examples of values (n,) in nats, its standard error, and what they are in bits per dimension.

    `data.measure` says what log p(x|z) is of these data. Where it is no likelihood (grey values under a Bernoulli law:
    a cross-entropy) the names begin with `improper_`, so that none is taken for one. Bits per dimension are given where
    they can be compared with other papers': of a probability of 256 levels, -value/(D log 2); of a density of
    dequantised ones in [0, 1], 8 more, the bits of a cell (numbers of the kind of Theis et al. 2016).
    """
    measure = getattr(data, "measure", "unknown")
    name = f"improper_{name}" if measure == "improper" else name
    found = {name: float(values.mean()), f"{name}_standard_error": _error(values)}
    cell = {"levels": 0.0, "dequantised": 8.0}.get(measure)
    if cell is not None:
        size = data.first(1)["x"][0].numel()
        found["bits_per_dim"] = cell - found[name] / (size * math.log(2))
    return found


def interval(values: Tensor) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of values (n,), by percentiles (Efron & Tibshirani 1993, chapter 13).

    Drawn from a generator of its own, and the same in whatever order the values are.
    """
    ordered = values.double().cpu().sort().values
    generator = torch.Generator().manual_seed(0)
    means = torch.stack(
        [
            ordered[torch.randint(len(ordered), (len(ordered),), generator=generator)].mean()
            for _ in range(RESAMPLES)
        ]
    )
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype)).tolist()
    return low, high


def _error(values: Tensor) -> float:
    return float(values.std()) / len(values) ** 0.5 if len(values) > 1 else math.nan
