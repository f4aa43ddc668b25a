"""REINFORCE with a running baseline."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Probability, Terms

from .scores import RunningMoments, Scores


class Reinforce(nn.Module):
    """Minus the evidence lower bound of each x (batch,), in nats, with the gradient of the score function.

        grad_phi = -1/M sum_m (l_m - c) grad log q(z_m|x),        l_m = log p(x, z_m) - log q(z_m|x)

    c is the running mean of l over the steps before (Williams 1992; Goodfellow et al. 2016, section 20.9.1), so that
    the estimate is unbiased; p learns by its own gradient. For any discrete posterior whose `z: q_z.sample()`, or
    `q_z.sample([k])`. `normalise` divides l - c by max(1, its running standard deviation) as NVIL does. Logged:
    the parts of the bound, and the standard deviation of l - c over samples and batch. The value is the bound's.
    """

    def __init__(self, *, decay: Probability = 0.8, normalise: bool = False) -> None:
        super().__init__()
        self.moments, self.normalise = RunningMoments(decay), normalise

    def forward(self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
        scores = Scores(x, q_z, z, p_z, p_x)
        signal = scores.bound - self.moments.mean  # (samples, batch)
        weight = signal / self.moments.scale() if self.normalise else signal
        surrogate = -(scores.log_joint + weight * scores.log_q).mean(0)
        self.moments.observe(scores.bound)
        return scores.terms(-scores.bound.mean(0), surrogate, signal_std=signal.std(unbiased=False))
