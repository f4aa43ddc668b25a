"""The importance-weighted bound with the doubly reparametrised gradient."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms, detached

from .weights import effective_samples, log_mean_exp, log_weights


def dreg(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """The bound of `iwae` with a doubly reparametrised gradient for q: (batch,) (Tucker et al. 2019, eq. 8).

        encoder:  sum_i wt_i^2 (d log w_i / d z_i) (d z_i / d phi),    phi stopped in log q(z|x)
        decoder:  sum_i wt_i grad log w_i, as in `iwae`                wt = softmax(log w)

    z (k, batch, d) by `z: q_z.rsample([k])`. Unbiased as `iwae` is, and the encoder's signal does not drown as k grows.
    One backward pass gives both: the gradient that reaches z is multiplied by wt there. So a further term of the
    same player that reads z needs a z of its own, or its gradient is multiplied too. Logs `effective_samples`.
    Raises ValueError for a z without dimension of samples, TypeError for a posterior that can't be stopped.
    """
    weights = log_weights(x, detached(q_z), z, p_z, p_x)  # (k ..., batch)
    flat = weights.detach().flatten(0, -2)
    normalised = flat.softmax(0).view_as(weights)
    if torch.is_grad_enabled() and z.requires_grad:
        scale = normalised.reshape(*weights.shape, *[1] * (z.ndim - weights.ndim))
        z.register_hook(lambda gradient: gradient * scale)  # type: ignore[no-untyped-call]
    taught = (normalised * weights).flatten(0, -2).sum(0)  # (batch,): the right gradient, and above the bound
    bound = log_mean_exp(weights.detach()) + (taught - taught.detach())
    return Terms(-bound, {"effective_samples": effective_samples(weights)}, surrogate=True)
