"""The rate drawn to a capacity that grows."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import Schedulable, Terms

from .elbo import elbo


def capacity(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    capacity: Schedulable = 25.0,
    gamma: Schedulable = 1000.0,
) -> Terms:
    """-log p(x|z) + gamma |KL(q(z|x) || p(z)) - C| of a batch: (batch,), in nats (Burgess et al. 2018, eq. 8).

    x (batch, ...); z (batch, d) or (M, batch, d). The KL is averaged over the batch before C is taken off, so that the
    examples share the capacity; exact where torch knows it, as in `elbo`. `capacity` is C in nats and usually grows:
    `{linear: {from: 0, to: 25, epochs: 50}}`. gamma 1000 and C to 25 are the paper's for 64x64 pictures; how much
    gamma holds depends on the number of pixels.
    """
    logged = elbo(x, q_z, z, p_z, p_x).logged
    rate = logged["rate"] if "rate" in logged else logged["rate_sampled"]
    return Terms(logged["distortion"] + gamma * (rate.mean() - capacity).abs(), logged)
