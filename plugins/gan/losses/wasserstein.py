"""The Wasserstein loss."""

from __future__ import annotations

from torch import Tensor

from genframe import Terms, Verdict

from .scores import scored


class Wasserstein:
    """Differences of mean scores (Arjovsky et al. 2017, algorithm 1): critic D(G) - D(x), generator -D(G).

    The critic's minimum is minus the Wasserstein distance where its slope is bounded by 1, which is somebody else's
    work: the term `gradient-penalty`, or for the player of the critic `clamp: 0.01` (with `rmsprop` at 5e-5, and the
    generator's player `every: 5`). Without either the scores run away.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """mean D(G) - mean D(x): 0-dim; logs the mean scores."""
        return scored(fake_verdict.score.mean() - real_verdict.score.mean(), real_verdict, fake_verdict)

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """-mean D(G): 0-dim."""
        return -fake_verdict.score.mean()
