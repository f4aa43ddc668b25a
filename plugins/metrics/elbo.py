"""The evidence lower bound and its two parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count

from .bounds import figures

Parts = Callable[[Any], tuple[Tensor, Tensor]]


def elbo(elbo_parts: Parts, data: Any, *, batch_size: Count = 500) -> dict[str, float]:
    """The mean over a split of log p(x|z) - KL(q(z|x) || p(z)), in nats, one z an x; and its standard error.

    elbo_parts: an output x -> (rate, distortion), each (batch,), called with a batch, of which it takes what it asks
    for. `bits_per_dim` beside it where p(x|z) is a probability of 256 levels, or a density of `dequantise`d ones; where
    it is no likelihood of such data the figure is called `improper_elbo`.
    """
    rate, distortion = _examples(elbo_parts, data, batch_size)
    value = -(rate + distortion)
    return figures("elbo", value, data)


def rate_distortion(elbo_parts: Parts, data: Any, *, batch_size: Count = 500) -> dict[str, float]:
    """The means over a split of the rate KL(q(z|x) || p(z)) and the distortion -log p(x|z), in nats.

    Alemi et al. 2018. elbo_parts: as for `elbo`.
    """
    rate, distortion = _examples(elbo_parts, data, batch_size)
    return {"rate": float(rate.mean()), "distortion": float(distortion.mean())}


def _examples(elbo_parts: Parts, data: Any, batch_size: int) -> tuple[Tensor, Tensor]:
    """Rate and distortion of each example: (examples,), in double precision."""
    pairs = [elbo_parts(batch) for batch in data.batches(batch_size)]
    rate, distortion = (torch.cat(column).double() for column in zip(*pairs, strict=True))
    return rate, distortion
