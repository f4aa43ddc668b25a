"""What losses of both sides share. Scores are logits, averaged over the batch and over their maps."""

from __future__ import annotations

from torch import Tensor

from genframe import Terms, Verdict


def scored(total: Tensor, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
    """A critic's loss, beside which the mean scores are logged: equal ones mean that it can't tell the fakes."""
    real, fake = real_verdict.score.detach(), fake_verdict.score.detach()
    return Terms(total, {"real_score": real.mean(), "fake_score": fake.mean()})
