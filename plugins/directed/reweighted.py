"""Reweighted wake-sleep."""

from __future__ import annotations

import math

from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms


class Reweighted:
    """Reweighted wake-sleep (Bornschein & Bengio 2015): both nets learn from K codes of data, by importance weights.

        w_i = p(x, z_i) / q(z_i|x),        w~_i = w_i / sum_j w_j,        z: q_z.sample([k])

    `model` teaches prior and decoder by -sum_i w~_i log p(x, z_i), the gradient of -log 1/K sum_i w_i, which is its
    value; `recognition` teaches encoder and posterior by -sum_i w~_i log q(z_i|x) (the q wake phase), the weights held
    fixed; the sleep phase is that of `wake-sleep`, and may be added. Biased at finite K, of low variance.
    """

    def model(self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
        """Minus the importance-weighted bound of each x (batch,), in nats."""
        log_joint, log_q = _scores(x, q_z, z, p_z, p_x)
        log_w = (log_joint - log_q).detach()
        value = math.log(len(log_w)) - log_w.logsumexp(0)
        surrogate = -(log_w.softmax(0) * log_joint).sum(0)
        total = value + (surrogate - surrogate.detach())
        return Terms(total, {"elbo": log_w.mean(0)}, surrogate=True)

    def recognition(
        self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution
    ) -> Terms:
        """-sum_i w~_i log q(z_i|x) of each x (batch,)."""
        log_joint, log_q = _scores(x, q_z, z, p_z, p_x)
        log_w = (log_joint - log_q).detach()
        return Terms(-(log_w.softmax(0) * log_q).sum(0), {}, surrogate=True)


def _scores(
    x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution
) -> tuple[Tensor, Tensor]:
    """log p(x, z) and log q(z|x) of each sample and x: (samples, batch) each."""
    log_joint = p_x.log_prob(x) + p_z.log_prob(z)
    log_q = q_z.log_prob(z.detach())
    return log_joint.reshape(-1, log_joint.shape[-1]), log_q.reshape(-1, log_q.shape[-1])
