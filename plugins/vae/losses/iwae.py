"""The importance-weighted bound."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms

from .weights import effective_samples, log_mean_exp, log_weights


def iwae(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """Minus the importance-weighted bound of each x (batch,), in nats (Burda et al. 2016, eq. 8).

        -log 1/k sum_{i=1}^k w_i,        w_i = p(x, z_i) / q(z_i|x),   z_i ~ q(z|x)

    x (batch, ...); z (k, batch, d) by the wires `k: 50` and `z: q_z.rsample([k])`; several dimensions of samples
    count as one. The gradient is that of logsumexp, sum_i wt_i grad log w_i with wt = softmax(log w) over the samples
    of one x (eq. 14). For k = 1 it is the ELBO; in expectation it rises with k to log p(x). The encoder's gradient
    drowns in its noise as 1/sqrt(k) (Rainforth et al. 2018): `dreg` mends that. Logs `effective_samples`, 1 to k.
    Raises ValueError for a z without dimension of samples.
    """
    weights = log_weights(x, q_z, z, p_z, p_x)
    return Terms(-log_mean_exp(weights), {"effective_samples": effective_samples(weights)})
