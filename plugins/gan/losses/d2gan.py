"""The game with two critics."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from genframe import Positive, Terms, Verdict

from .scores import scored


class D2GAN:
    """A critic that rewards real data and one that rewards fakes (Nguyen et al. 2017, eq. 1), of scores s.

        alpha log D1(x) - D1(G) - D2(x) + beta log D2(G),       D = softplus(s) > 0

    which both critics maximise and the generator minimises: D1 at its best is alpha p(x) / p_G(x), D2 is beta p_G(x) /
    p(x), and the generator minimises a KL divergence either way, so that it neither drops modes nor leaves them. A
    recipe has two discriminators: `critic` is D1's term, `reverse` D2's. 1 and 1 are the published code's.
    """

    def __init__(self, *, alpha: Positive = 1.0, beta: Positive = 1.0) -> None:
        self.alpha, self.beta = alpha, beta

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """D1(G) - alpha log D1(x): 0-dim; logs the mean scores."""
        total = F.softplus(fake_verdict.score).mean() - self.alpha * _log_softplus(real_verdict.score).mean()
        return scored(total, real_verdict, fake_verdict)

    def reverse(self, real_reverse: Verdict, fake_reverse: Verdict) -> Terms:
        """D2(x) - beta log D2(G), of the other critic's verdicts: 0-dim; logs the mean scores."""
        total = F.softplus(real_reverse.score).mean() - self.beta * _log_softplus(fake_reverse.score).mean()
        return scored(total, real_reverse, fake_reverse)

    def generator(self, fake_verdict: Verdict, reverse_verdict: Verdict) -> Tensor:
        """beta log D2(G) - D1(G), of what both critics say of the fakes: 0-dim."""
        rewarded = F.softplus(fake_verdict.score).mean()
        return self.beta * _log_softplus(reverse_verdict.score).mean() - rewarded


def _log_softplus(score: Tensor) -> Tensor:
    """log softplus(s), finite for any s: below -15 it is s to the last bit of a float32."""
    return torch.where(score < -15, score, F.softplus(score.clamp_min(-15)).log())
