"""The inception score of samples, by a classifier of the data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath

from .sides import sides


def inception_score(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    samples: Count | None = None,
    splits: Count = 10,
    batch_size: Count = 500,
) -> Figures:
    """exp of how much a classifier's word on a sample says beyond its word on all of them: 1 to the number of classes.

        exp(E_x KL(p(y|x) || p(y))),  p(y) the mean of p(y|x)

    Salimans et al. 2016. The mean over `splits` parts of the samples, in each of which p(y) is its own, and their
    standard deviation, as published scores have it; `inception_score_of_data` is the split's, the most to hope for. It
    sees neither variety within a class nor whether samples look like the data. features: a classifier of these data.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=samples, batch_size=batch_size,
        classes=True,
    )  # fmt: skip
    value, spread = score(found.samples, splits)
    return Figures(
        {
            "inception_score": value,
            "inception_score_spread": spread,
            "inception_score_of_data": score(_shuffled(found.data), splits)[0],
        },
        found.provenance | {"splits": splits},
    )


def _shuffled(rows: Tensor) -> Tensor:
    """Data may stand in the order of their classes, and a part be of one alone."""
    return rows[torch.randperm(len(rows)).to(rows.device)]


def score(probabilities: Tensor, splits: int) -> tuple[float, float]:
    """The mean over parts of p(y|x) (n, classes), in their order, and their standard deviation (0 of one part)."""
    parts = probabilities.double().tensor_split(min(splits, len(probabilities)))
    values = [float(information(part).exp()) for part in parts]
    mean = sum(values) / len(values)
    return mean, (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


def information(p: Tensor) -> Tensor:
    """E_x KL(p(y|x) || p(y)) of p(y|x) (n, classes), in nats: the entropy of the mean less the mean entropy."""
    return (p.xlogy(p).sum(1)).mean() - p.mean(0).xlogy(p.mean(0)).sum()
