"""What critic and generator minimise. Scores are logits, averaged over the batch and over their maps."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genframe import Terms, Verdict


class Nonsaturating:
    """The GAN's cross-entropy with the generator's non-saturating side (Goodfellow et al. 2014, section 3).

    With D the score: critic -log sigmoid(D(x)) - log(1 - sigmoid(D(G))), generator -log sigmoid(D(G));
    softplus keeps both exact for scores of any size.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """softplus(-D(x)) + softplus(D(G)): 0-dim; logs the mean scores."""
        total = F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score).mean()
        return Terms(total, _scores(real_verdict, fake_verdict))

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """softplus(-D(G)): 0-dim."""
        return F.softplus(-fake_verdict.score).mean()


class Hinge:
    """The hinge loss (Lim & Ye 2017): a critic stops at a margin of 1, a generator climbs the score."""

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """max(0, 1 - D(x)) + max(0, 1 + D(G)): 0-dim; logs the mean scores."""
        total = F.relu(1 - real_verdict.score).mean() + F.relu(1 + fake_verdict.score).mean()
        return Terms(total, _scores(real_verdict, fake_verdict))

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """-D(G): 0-dim."""
        return -fake_verdict.score.mean()


def _scores(real_verdict: Verdict, fake_verdict: Verdict) -> dict[str, Tensor]:
    """The mean scores: equal ones mean that the critic can't tell the fakes."""
    real, fake = real_verdict.score.detach(), fake_verdict.score.detach()
    return {"real_score": real.mean(), "fake_score": fake.mean()}
