"""How often a classifier is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count


def accuracy(classify: Callable[[Any], Tensor], data: Any, *, batch_size: Count = 500) -> dict[str, float]:
    """The share of a split whose label `y` is the class of the highest score; and its standard error.

    classify: an output x -> scores (batch, classes): probabilities, or logits.
    """
    right = torch.cat([classify(batch).argmax(-1) == batch["y"] for batch in data.batches(batch_size)])
    share = float(right.double().mean())
    return {"accuracy": share, "accuracy_standard_error": (share * (1 - share) / len(right)) ** 0.5}
