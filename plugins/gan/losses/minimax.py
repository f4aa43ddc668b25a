"""The game of the first GAN."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genframe import Terms, Verdict

from .scores import scored


class Minimax:
    """The zero-sum game (Goodfellow et al. 2014, eq. 1): the generator minimises what the critic maximises.

    With D the score: critic -log sigmoid(D(x)) - log(1 - sigmoid(D(G))), generator log(1 - sigmoid(D(G))). Where the
    critic is sure of the fakes the generator's gradient fades; `nonsaturating` is the same game without that.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """softplus(-D(x)) + softplus(D(G)): 0-dim; logs the mean scores."""
        total = F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score).mean()
        return scored(total, real_verdict, fake_verdict)

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """-softplus(D(G)): 0-dim."""
        return -F.softplus(fake_verdict.score).mean()
