"""Active units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Positive


def active_units(
    encode: Callable[[Any], Tensor],
    data: Any,
    *,
    threshold: Positive = 0.01,
    batch_size: Count = 500,
) -> dict[str, float]:
    """How many latents u have Var_x(E[z_u|x]) > threshold over a split, and how many there are.

    Burda et al. 2016, section 5.2. encode: an output x -> E[z|x] (batch, ...).
    """
    means = torch.cat([encode(batch).flatten(1) for batch in data.batches(batch_size)]).double()
    return {"active_units": float((means.var(0) > threshold).sum()), "latent_units": float(means.shape[1])}
