"""The hinge loss."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genframe import Terms, Verdict

from .scores import scored


class Hinge:
    """The hinge loss (Lim & Ye 2017): a critic stops at a margin of 1, a generator climbs the score."""

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """max(0, 1 - D(x)) + max(0, 1 + D(G)): 0-dim; logs the mean scores."""
        total = F.relu(1 - real_verdict.score).mean() + F.relu(1 + fake_verdict.score).mean()
        return scored(total, real_verdict, fake_verdict)

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """-D(G): 0-dim."""
        return -fake_verdict.score.mean()
