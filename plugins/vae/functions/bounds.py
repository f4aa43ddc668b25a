"""What metrics of a latent variable model are computed from; `observe` is a wire: z -> p(x|z)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

Observe = Callable[[Tensor], Distribution]


def rate_distortion(
    x: Tensor, q_z: Distribution, p_z: Distribution, observe: Observe
) -> tuple[Tensor, Tensor]:
    """KL(q(z|x) || p(z)) and -log p(x|z) of one z ~ q(z|x) for each x (batch, ...): two tensors (batch,).

    Minus their sum is the evidence lower bound. Where torch knows no KL in closed form it is z's estimate.
    """
    z = q_z.sample()
    try:
        rate = kl_divergence(q_z, p_z)
    except NotImplementedError:
        rate = q_z.log_prob(z) - p_z.log_prob(z)
    return rate, -observe(z).log_prob(x)


def importance_weights(x: Tensor, q_z: Distribution, p_z: Distribution, observe: Observe, k: int) -> Tensor:
    """log p(x|z_i) + log p(z_i) - log q(z_i|x) of k samples z_i ~ q(z|x): (k, batch).

    The logarithms of the weights in Burda et al. 2016, eq. 8.
    """
    z = q_z.rsample([k]) if q_z.has_rsample else q_z.sample([k])  # (k, batch, d)
    return observe(z).log_prob(x) + p_z.log_prob(z) - q_z.log_prob(z)


def negative_elbo(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Tensor:
    """KL(q(z|x) || p(z)) - log p(x|z), not averaged over anything: (leading ..., batch), in nats.

    For bounds that enter other formulas, as those with each label in turn do. Without a closed KL it is z's estimate.
    """
    try:
        rate = kl_divergence(q_z, p_z)
    except NotImplementedError:
        rate = q_z.log_prob(z) - p_z.log_prob(z)
    return rate - p_x.log_prob(x)
