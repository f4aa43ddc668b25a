"""Variational inference for Monte Carlo objectives."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Terms

from .scores import Scores


def vimco(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """Minus the importance-weighted bound of each x (batch,), with a score function (Mnih & Rezende 2016, eq. 7, 10).

        L = log 1/K sum_i w_i,        w_i = p(x, z_i) / q(z_i|x)
        grad_phi = -sum_j (L - L_-j) grad log q(z_j|x) - sum_j w~_j grad log w_j

    L_-j is L with w_j replaced by the geometric mean of the others: each sample's baseline are its fellows, and nothing
    has to be learned. z: q_z.sample([k]) with k of 2 or more (5 is the paper's smallest that it reports); of one sample
    alone there are no fellows, and it is the plain score function. Logged: the parts of the bound, and the ELBO.
    """
    scores = Scores(x, q_z, z, p_z, p_x)
    log_w, count = scores.bound, scores.bound.shape[0]  # (samples, batch)
    value = log_w.logsumexp(0) - math.log(count)  # (batch,)
    signal = value - _without_each(log_w) if count > 1 else log_w
    shares = log_w.softmax(0)
    direct = (shares * (scores.log_joint - scores.log_q)).sum(0)
    surrogate = -direct - (signal * scores.log_q).sum(0)
    return scores.terms(-value, surrogate, elbo=log_w.mean(0), signal_std=signal.std(unbiased=False))


def _without_each(log_w: Tensor) -> Tensor:
    """log 1/K (sum_{i != j} w_i + w^_j), w^_j the geometric mean of all but w_j, for each j: (samples, batch)."""
    count = log_w.shape[0]
    fellows = (log_w.sum(0) - log_w) / (count - 1)  # log w^_j
    table = log_w.unsqueeze(0).expand(count, *log_w.shape)  # (j, i, batch)
    own = torch.eye(count, dtype=torch.bool, device=log_w.device).unsqueeze(-1)
    return torch.where(own, fellows.unsqueeze(1), table).logsumexp(1) - math.log(count)
