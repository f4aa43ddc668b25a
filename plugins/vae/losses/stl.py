"""The evidence lower bound with the gradient that sticks the landing."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms, detached

from .weights import log_weights


def stl(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """Minus the ELBO of M samples, with q's parameters stopped in log q(z|x): (batch,) (Roeder et al. 2017, eq. 8).

        -1/M sum_m log p(x, z_m) - log q_sg(phi)(z_m|x)

    z (M, batch, d) by `z: q_z.rsample([M])`. The score of q, which has mean zero, is left out of the gradient: it
    stays unbiased and vanishes, sample by sample, where q is the true posterior. The value is the ELBO's with a sampled
    rate. For k samples under one logarithm it would be biased (Tucker et al. 2019): that is `dreg`. Raises
    ValueError for a z without dimension of samples, TypeError for a posterior that can't be stopped.
    """
    weights = log_weights(x, detached(q_z), z, p_z, p_x)
    return Terms(-weights.flatten(0, -2).mean(0), surrogate=True)
