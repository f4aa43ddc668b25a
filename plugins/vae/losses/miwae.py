"""The mean of several importance-weighted bounds."""

from __future__ import annotations

import math

from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms

from .weights import log_mean_exp, log_weights


def miwae(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """Minus the mean of M importance-weighted bounds of K samples each: (batch,), in nats (Rainforth 2018, eq. 9).

        -1/M sum_{m=1}^M log 1/K sum_{k=1}^K w_mk

    z (M, K, batch, d) by `z: q_z.rsample([m, k])`; (K, batch, d) has M = 1 and is `iwae`; K = 1 is the ELBO of M
    samples. More groups quieten the encoder's gradient, more samples a group tighten the bound: at 64 in all, (8, 8)
    and (4, 16) are near the best. PIWAE (section 4.3) is two players, the encoder's with this bound and the decoder's
    with `iwae` over all M K samples. Logs that bound as `bound`. Raises ValueError for a z without dimension of
    samples.
    """
    weights = log_weights(x, q_z, z, p_z, p_x)  # (M ..., K, batch)
    bounds = weights.logsumexp(-2) - math.log(weights.shape[-2])  # (M ..., batch)
    mean = bounds.flatten(0, -2).mean(0) if bounds.ndim > 1 else bounds
    return Terms(-mean, {"bound": log_mean_exp(weights.detach())})
