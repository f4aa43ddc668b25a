"""How well a classifier tells samples from data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath, classifier_auc

from .sides import sides


def classifier_two_sample(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 2000,
    batch_size: Count = 500,
) -> Figures:
    """The area under the ROC curve of boosted trees that tell samples from data by their features; its 95 % interval.

    Lopez-Paz & Oquab 2017: 0.5 where both have one law, up to what trees see in these features, 1 where every pair is
    told apart. Of the halves that the trees were not fitted to, drawn under the evaluation's seed; the interval is
    DeLong's. `auc_of_data`: of training examples from the split. Raises ValueError for fewer than 20 of either.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=None, batch_size=batch_size
    )
    figures: dict[str, float] = {}
    for name, side in (("auc", found.samples), ("auc_of_data", found.train)):
        tell(f"fitting trees to {len(side) + len(found.data):,} rows of {found.size}")
        auc = classifier_auc(found.data, side, seed=int(torch.randint(2**31, ())))
        figures |= {name: auc.value, f"{name}_low": auc.low, f"{name}_high": auc.high}
    return Figures(figures, found.provenance)
