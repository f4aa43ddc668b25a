"""The evidence lower bound."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from genframe import DiagonalGaussian, NonNegative, Schedulable, Terms


def elbo(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    beta: Schedulable = 1.0,
    free_bits: NonNegative = 0.0,
) -> Terms:
    """Minus the evidence lower bound of each x (batch,), in nats (Kingma & Welling 2014, eq. 7).

        -1/M sum_{m=1}^M log p(x|z_m) + beta KL(q(z|x) || p(z)),        z_m ~ q(z|x)

    x (batch, ...); z (batch, d), or (M, batch, d) for M samples, which p_x shares. Sums over values and over
    latents; the engine then averages over the batch. The KL is exact where torch knows it for the two
    distributions, logged as `rate`; otherwise 1/M sum_m log q(z_m|x) - log p(z_m), logged as `rate_sampled`.
    beta: Higgins et al. 2017. free_bits: the nats that each dimension may use freely; the KL of a dimension
    is averaged over the batch before it is raised to that (Kingma et al. 2016, eq. 15). Raises ValueError
    for free bits where q and p are not diagonal Gaussians.
    """
    distortion = _per_example(-p_x.log_prob(x))
    exact, rate = _rate(q_z, z, p_z)
    penalty = _freed(q_z, p_z, free_bits) if free_bits else rate
    logged = {"rate" if exact else "rate_sampled": rate, "distortion": distortion}
    return Terms(distortion + (penalty if beta == 1.0 else beta * penalty), logged)


def _rate(q_z: Distribution, z: Tensor, p_z: Distribution) -> tuple[bool, Tensor]:
    """Whether the KL is exact, and the KL (batch,)."""
    try:
        return True, _per_example(kl_divergence(q_z, p_z))
    except NotImplementedError:
        return False, _per_example(q_z.log_prob(z) - p_z.log_prob(z))


def _freed(q_z: Distribution, p_z: Distribution, free_bits: float) -> Tensor:
    """sum_j max(free_bits, mean over the batch of KL_j): 0-dim."""
    if not (isinstance(q_z, DiagonalGaussian) and isinstance(p_z, DiagonalGaussian)):
        names = f"{type(q_z).__name__} and {type(p_z).__name__}"
        raise ValueError(
            f"free bits need the KL of each dimension, which only diagonal Gaussians have, not {names}"
        )
    terms = q_z.kl_terms(p_z)  # (leading ..., *event)
    return terms.flatten(0, -1 - q_z.event_ndim).mean(0).clamp(min=free_bits).sum()


def _per_example(value: Tensor) -> Tensor:
    """(samples ..., batch) averaged over the samples: (batch,)."""
    return value.flatten(0, -2).mean(0) if value.ndim > 1 else value
