"""The cross-entropy of the first GAN, with the generator's non-saturating side."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genframe import Terms, Verdict

from .scores import scored


class Nonsaturating:
    """The GAN's cross-entropy with the generator's non-saturating side (Goodfellow et al. 2014, section 3).

    With D the score: critic -log sigmoid(D(x)) - log(1 - sigmoid(D(G))), generator -log sigmoid(D(G));
    softplus keeps both exact for scores of any size.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """softplus(-D(x)) + softplus(D(G)): 0-dim; logs the mean scores."""
        total = F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score).mean()
        return scored(total, real_verdict, fake_verdict)

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """softplus(-D(G)): 0-dim."""
        return F.softplus(-fake_verdict.score).mean()
