"""The InfoVAE: an evidence lower bound that values what codes say of x."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor
from torch.distributions import Distribution

from genframe import MinLen, Positive, Schedulable, Terms

from .elbo import elbo
from .kernels import discrepancy, draws_of


def info(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    alpha: Schedulable = 0.0,
    strength: Schedulable = 10.0,
    kernel: Literal["gaussian", "imq", "rational-quadratic", "energy"] = "imq",
    scales: Annotated[tuple[Positive, ...], MinLen(1)] | None = None,
) -> Terms:
    """-log p(x|z) + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + lambda - 1) MMD^2(q(z), p(z)): (batch,), in nats.

    Zhao et al. 2019, eq. 6, with the discrepancy in place of KL(q(z) || p(z)). alpha 0 and `strength` (lambda) 1 are
    the ELBO. alpha 1 leaves the mutual information of x and z alone: that is the MMD-VAE, whose lambda weighs the
    discrepancy as much as the distortion (hundreds for pictures). The discrepancy is the unbiased one between the
    batch's z and as many draws of the prior. Logs distortion, rate and `mmd`. Raises ValueError for a batch of one.
    """
    logged = elbo(x, q_z, z, p_z, p_x).logged
    rate = logged["rate"] if "rate" in logged else logged["rate_sampled"]
    event_ndim = len(p_z.event_shape)
    codes = draws_of(z, event_ndim)
    gap = discrepancy(codes, draws_of(p_z.sample([len(codes)]), event_ndim), kernel, scales, unbiased=True)
    total = logged["distortion"] + (1 - alpha) * rate + (alpha + strength - 1) * gap
    return Terms(total, {**logged, "mmd": gap})
