"""Whether a model draws the class that it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath

from .features import extractor
from .sides import drawn_of, rows_of


def conditional_accuracy(
    decode: Callable[..., Tensor],
    draw_z: Callable[[int], Tensor],
    data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    batch_size: Count = 500,
) -> Figures:
    """The share of samples whose class, as a classifier sees it, is the one asked for; and its standard error.

    decode: an output (z, y) -> x; draw_z: n codes of the prior. The classes asked for are the labels `y` of `count`
    examples of the split, on whose pictures the classifier's own share is `conditional_accuracy_of_data`.
    Raises ValueError for data without labels.
    """
    x = data.first(1)
    if "y" not in x or x["y"].is_floating_point():
        raise ValueError("a class is asked for by a label, and the data have no `y`")
    by = extractor(features, x["x"])
    size = min(count, len(data))
    places = torch.randperm(len(data))[:size].sort().values if size < len(data) else torch.arange(size)
    asked, real = [], []
    for batch in rows_of(data, places, batch_size):
        asked.append(batch["y"])
        real.append(by.probabilities(batch["x"]).argmax(1) == batch["y"])
    labels = iter(torch.split(torch.cat(asked).sort().values, batch_size))

    def conditional(n: int) -> Tensor:
        y = next(labels)
        return torch.eq(by.probabilities(decode({"y": y}, draw_z(n))).argmax(1), y)

    right = torch.cat(list(drawn_of(conditional, size, batch_size, tell))).double()
    share = float(right.mean())
    figures = {
        "conditional_accuracy": share,
        "conditional_accuracy_standard_error": (share * (1 - share) / size) ** 0.5,
        "conditional_accuracy_of_data": float(torch.cat(real).double().mean()),
    }
    return Figures(figures, by.facts | {"samples": size})
