"""What losses of both sides share. Scores are logits, averaged over the batch and over their maps."""

from __future__ import annotations

from torch import Tensor

from genframe import Terms, Verdict


def scored(total: Tensor, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
    """A critic's loss, beside which the mean scores are logged: equal ones mean that it can't tell the fakes."""
    real, fake = real_verdict.score.detach(), fake_verdict.score.detach()
    return Terms(total, {"real_score": real.mean(), "fake_score": fake.mean()})


def paired(real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
    """D(x) - D(G) of the pairs that stand at one place: (batch, ...). Raises ValueError for scores of two shapes."""
    real, fake = real_verdict.score, fake_verdict.score
    if real.shape != fake.shape:
        raise ValueError(
            f"each real example is paired with one fake: scores of one shape, not {tuple(real.shape)} and "
            f"{tuple(fake.shape)}; draw as many fakes as there are real examples"
        )
    return real - fake


def features(verdict: Verdict) -> Tensor:
    """What a critic saw, (batch, d). Raises ValueError where it does not tell."""
    if verdict.features is None:
        raise ValueError("the discriminator gives a score without features, and this loss is on its features")
    return verdict.features
