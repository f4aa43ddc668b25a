"""What losses of score functions share: log-probabilities of samples, running statistics of the learning signal."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Terms


class Scores:
    """log p(x, z), log q(z|x) and their difference, the bound, of samples z: (samples, batch) each.

    Raises ValueError for discrete z with a gradient of their own: two estimates of one gradient would add up.
    """

    def __init__(self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> None:
        if z.requires_grad and _is_discrete(q_z):
            raise ValueError(
                "a score function is for samples without gradient, and these have one, straight through: write the "
                "wire z: q_z.sample() (or [k] of them), and the posterior with gradient: none"
            )
        log_p = _by_sample(p_z.log_prob(z))
        self.log_q = _by_sample(q_z.log_prob(z.detach()))
        self.rate = (self.log_q - log_p).detach()
        self.distortion = -_by_sample(p_x.log_prob(x))
        self.log_joint = log_p - self.distortion
        self.bound = (self.log_joint - self.log_q).detach()

    def terms(self, value: Tensor, surrogate: Tensor, **logged: Tensor) -> Terms:
        """`value` (batch,) with the gradient of `surrogate` (batch,); the parts of the bound are logged."""
        parts = {"rate_sampled": self.rate.mean(0), "distortion": self.distortion.detach().mean(0)}
        total = value.detach() + (surrogate - surrogate.detach())
        return Terms(total, {**parts, **logged}, surrogate=True)


def _is_discrete(law: Distribution) -> bool:
    """Whether a law says so."""
    try:
        support: Any = law.support
    except NotImplementedError:
        return False
    return support is not None and bool(support.is_discrete)


def _by_sample(value: Tensor) -> Tensor:
    """(samples ..., batch) or (batch,) -> (samples, batch)."""
    return value.reshape(-1, value.shape[-1])


class RunningMoments(nn.Module):
    """Mean and variance of a learning signal over the steps before this one: they say nothing of this step's samples.

    A baseline that had seen the samples it is taken from would bias the gradient. decay: 0.8 is that of Mnih & Gregor
    (2014, section 3.2). State moves in train mode alone.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("variance", torch.zeros(()))

    def scale(self) -> Tensor:
        """max(1, standard deviation): a signal is made smaller, never larger."""
        return self.variance.sqrt().clamp(min=1)

    @torch.no_grad()
    def observe(self, signal: Tensor) -> None:
        """Take the signals of a step in."""
        if self.training:
            self.variance.lerp_(signal.var(unbiased=False).to(self.variance), 1 - self.decay)
            self.mean.lerp_(signal.mean().to(self.mean), 1 - self.decay)
