"""Relativistic losses: how much more real than the fakes real data look, and the reverse."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genframe import Terms, Verdict

from .scores import paired, scored


class Relativistic:
    """Each real example against one fake (RpGAN, Jolicoeur-Martineau 2019).

    Critic softplus(-(D(x) - D(G))), generator softplus(D(x) - D(G)): a score has no zero of its own, so that a
    generator which drops a mode is told so for as long as the critic finds a real example better than its own. With
    `r1` and `r2` it is the loss of R3GAN (Huang et al. 2024), and converges to the data's law nearby.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """softplus(D(G) - D(x)): 0-dim; logs the mean scores. Raises ValueError for batches of two sizes."""
        total = F.softplus(-paired(real_verdict, fake_verdict)).mean()
        return scored(total, real_verdict, fake_verdict)

    def generator(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        """softplus(D(x) - D(G)): 0-dim. Raises ValueError for batches of two sizes."""
        return F.softplus(paired(real_verdict, fake_verdict)).mean()


class RelativisticAverage:
    """Each example against the mean of the other side (RaGAN, Jolicoeur-Martineau 2019).

    With u = D(x) - mean D(G) and v = D(G) - mean D(x): critic softplus(-u) + softplus(v), generator softplus(u) +
    softplus(-v). Both terms teach both players: the means are no constants.
    """

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """softplus(-u) + softplus(v): 0-dim; logs the mean scores."""
        real, fake = self._apart(real_verdict, fake_verdict)
        return scored(F.softplus(-real).mean() + F.softplus(fake).mean(), real_verdict, fake_verdict)

    def generator(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        """softplus(u) + softplus(-v): 0-dim."""
        real, fake = self._apart(real_verdict, fake_verdict)
        return F.softplus(real).mean() + F.softplus(-fake).mean()

    @staticmethod
    def _apart(real_verdict: Verdict, fake_verdict: Verdict) -> tuple[Tensor, Tensor]:
        real, fake = real_verdict.score, fake_verdict.score
        return real - fake.mean(0), fake - real.mean(0)
