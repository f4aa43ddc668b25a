"""Neural variational inference and learning."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Count, Probability, Shape, Terms

from .scores import RunningMoments, Scores


class NVIL(nn.Module):
    """Minus the evidence lower bound of each x (batch,), with a score function and a learned baseline.

        grad_phi = -1/M sum_m (l_m - C(x) - c) / max(1, s) grad log q(z_m|x),        l_m = log p(x, z_m) - log q(z_m|x)

    Mnih & Gregor 2014, algorithm 1, without its signals by layer. C is a net of x (`hidden`: 100 tanh units, theirs)
    that learns l by squared error, so that a player must train the loss too; c and s are the running mean and standard
    deviation of l - C(x) over the steps before, with their `decay`. The division by s changes the size of the
    posterior's gradient and not its direction. Logged: the parts of the bound, the standard deviation of the signal.
    """

    def __init__(
        self, data_shape: Shape, *, hidden: tuple[Count, ...] = (100,), decay: Probability = 0.8
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((math.prod(data_shape), *hidden)):
            layers += [nn.Linear(fan_in, fan_out), nn.Tanh()]
        last = hidden[-1] if hidden else math.prod(data_shape)
        self.baseline = nn.Sequential(nn.Flatten(), *layers, nn.Linear(last, 1), nn.Flatten(0))
        self.moments = RunningMoments(decay)

    def forward(self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
        scores = Scores(x, q_z, z, p_z, p_x)
        predicted = self.baseline(x)  # (batch,)
        signal = scores.bound - predicted - self.moments.mean  # (samples, batch)
        weight = signal.detach() / self.moments.scale()
        surrogate = (signal.square() - scores.log_joint - weight * scores.log_q).mean(0)
        self.moments.observe(scores.bound - predicted)
        return scores.terms(-scores.bound.mean(0), surrogate, signal_std=signal.detach().std(unbiased=False))
