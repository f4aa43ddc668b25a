"""The least-squares loss."""

from __future__ import annotations

from torch import Tensor

from genframe import Terms, Verdict

from .scores import scored


class LeastSquares:
    """Squared errors of the scores (Mao et al. 2017, eq. 9): critic (D(x) - real)^2 / 2 + (D(G) - fake)^2 / 2.

    The generator draws its scores to `target`: (D(G) - target)^2 / 2. 1, 0 and 1 are the paper's eq. 9; 1, -1 and 0 its
    eq. 8, under which the game is about a Pearson chi-squared divergence.
    """

    def __init__(self, *, real: float = 1.0, fake: float = 0.0, target: float = 1.0) -> None:
        self.real, self.fake, self.target = real, fake, target

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """0-dim; logs the mean scores."""
        on_real = (real_verdict.score - self.real).square().mean()
        on_fake = (fake_verdict.score - self.fake).square().mean()
        return scored(0.5 * (on_real + on_fake), real_verdict, fake_verdict)

    def generator(self, fake_verdict: Verdict) -> Tensor:
        """0-dim."""
        return 0.5 * (fake_verdict.score - self.target).square().mean()
