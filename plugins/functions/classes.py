"""Labels as vectors."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge


def one_hot(y: Tensor, *, classes: Annotated[int, Ge(2)]) -> Tensor:
    """Labels y (...), int64 below `classes`, as vectors (..., classes) of a one and zeros, float32.

    Raises TypeError for what are no labels, ValueError for labels that are none of the classes.
    """
    if y.is_floating_point():
        raise TypeError(f"one_hot takes labels, int64 (batch,), not {y.dtype} of the shape {tuple(y.shape)}")
    try:
        return torch.zeros(*y.shape, classes, device=y.device).scatter_(-1, y.unsqueeze(-1), 1.0)
    except RuntimeError as error:  # on a CPU; a look at the labels beforehand would make a GPU wait
        raise ValueError(
            f"classes is {classes}, so labels are below it, and here is one that is not"
        ) from error
