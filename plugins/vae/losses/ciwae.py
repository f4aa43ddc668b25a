"""A mixture of the importance-weighted bound and the evidence lower bound."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor
from torch.distributions import Distribution

from genframe import Ge, Le, Schedulable, Terms

from .weights import log_mean_exp, log_weights


def ciwae(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    beta: Annotated[Schedulable, Ge(0), Le(1)] = 0.05,
) -> Terms:
    """Minus beta ELBO + (1 - beta) IWAE of the same k samples: (batch,), in nats (Rainforth et al. 2018, eq. 10).

        -beta 1/k sum_i log w_i - (1 - beta) log 1/k sum_i w_i

    z (k, batch, d). Both are bounds, so the mixture is one; the ELBO's part keeps the encoder's gradient from drowning.
    beta 0 is `iwae`, 1 the ELBO with a sampled rate; 0.05 was the paper's best on MNIST. Logs both bounds. Raises
    ValueError for a z without dimension of samples.
    """
    weights = log_weights(x, q_z, z, p_z, p_x)
    lower, tighter = weights.flatten(0, -2).mean(0), log_mean_exp(weights)
    return Terms(-(beta * lower + (1 - beta) * tighter), {"elbo": lower, "bound": tighter})
