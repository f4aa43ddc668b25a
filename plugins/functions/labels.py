"""Functions of labels."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le


def smooth_labels(
    y: Tensor, *, classes: Annotated[int, Ge(2)], share: Annotated[float, Ge(0), Le(1)] = 0.1
) -> Tensor:
    """Labels y (...), int64 below `classes`, as probabilities (..., classes): 1 - share, and `share` spread evenly.

    `share` is spread over all classes, the right one included (Szegedy et al. 2016, section 7). Raises TypeError
    for what are no labels, ValueError for labels that are none of the classes.
    """
    if y.is_floating_point():
        raise TypeError(
            f"smooth_labels takes labels, int64 (batch,), not {y.dtype} of the shape {tuple(y.shape)}"
        )
    if y.numel() and int(y.max()) >= classes:
        raise ValueError(f"classes is {classes}, so labels are below it, and here is a label {int(y.max())}")
    probabilities = torch.full((*y.shape, classes), share / classes, device=y.device)
    return probabilities.scatter_(-1, y.unsqueeze(-1), 1 - share + share / classes)
