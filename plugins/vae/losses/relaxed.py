"""The bound of relaxed discrete codes."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from genframe import Positive, Terms

from ..posteriors.relaxations import RelaxedBernoulli, RelaxedOneHot
from .elbo import elbo


def relaxed_elbo(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    prior_temperature: Positive = 0.5,
) -> Terms:
    """Minus a bound on log p(x) of the *relaxed* model of each x (batch,), in nats (Maddison et al. 2017, eq. 20).

        -1/M sum_m log p(x|z_m) + log q(z_m|x) - log p(z_m)

    with the densities of relaxed samples in log space: those of the posterior (`concrete` or `gumbel-softmax`) at its
    temperature, and those of the prior, whose logits are relaxed at `prior_temperature` (0.5: theirs for bits). The
    loss `elbo` takes the KL of the discrete laws instead, which is no bound while z is relaxed. With a posterior that
    is not relaxed, in evaluation for one, it is the `elbo`. Raises ValueError for `hard` samples, which have no
    relaxed density, and for a prior that is none of independent variables.
    """
    if not isinstance(q_z, (RelaxedBernoulli, RelaxedOneHot)):
        return elbo(x, q_z, z, p_z, p_x)
    if q_z.hard:
        raise ValueError(
            "relaxed-elbo is a bound for relaxed samples, and the posterior's are hard: leave out `hard`"
        )
    rate = q_z.log_ratio(z, p_z, prior_temperature)  # (samples ..., batch)
    distortion = -p_x.log_prob(x)
    rate, distortion = (part.flatten(0, -2).mean(0) if part.ndim > 1 else part for part in (rate, distortion))
    return Terms(distortion + rate, {"rate_relaxed": rate, "distortion": distortion})
