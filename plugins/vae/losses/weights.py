"""The importance weights that the bounds of several samples are made from."""

from __future__ import annotations

import math

from torch import Tensor
from torch.distributions import Distribution


def log_weights(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Tensor:
    """log w = log p(x|z) + log p(z) - log q(z|x) of every sample: (samples ..., batch), in nats.

    The rate is that of the sample, never a closed KL: a weight belongs to its z (Burda et al. 2016, eq. 8). Raises
    ValueError where z has no dimension of samples in front of the batch: with one sample a bound of k is the ELBO.
    """
    log_q = q_z.log_prob(z)
    if log_q.ndim < 2:
        raise ValueError(
            f"this bound takes several samples of each code, z of (k, batch, ...), not {tuple(z.shape)}: write the "
            "wires `k: 50` and `z: q_z.rsample([k])`; for one sample the loss is `elbo`"
        )
    weights: Tensor = p_x.log_prob(x) + p_z.log_prob(z) - log_q
    return weights


def log_mean_exp(weights: Tensor) -> Tensor:
    """log 1/k sum_i w_i over all dimensions in front of the batch: (batch,), from log w (samples ..., batch)."""
    flat = weights.flatten(0, -2)
    return flat.logsumexp(0) - math.log(len(flat))


def effective_samples(weights: Tensor) -> Tensor:
    """1 / sum_i wt_i^2 of the normalised weights, from 1 to k: (batch,). Near 1, one sample speaks for all."""
    normalised = weights.detach().flatten(0, -2).softmax(0)
    return normalised.square().sum(0).reciprocal()
