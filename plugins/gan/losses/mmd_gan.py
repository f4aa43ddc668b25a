"""Critics whose features tell two laws apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from torch import Tensor

from genframe import Of, Terms, Verdict

from .scores import features, scored


class MMDGAN:
    """A discrepancy of the critic's features, which the critic raises and the generator lowers (Li et al. 2017).

    Of `verdict.features`; scores are not used. `discrepancy` is a loss of two sets of draws: `mmd` with the kernel
    `rational-quadratic`, `gaussian`, `energy` or `dot` (Binkowski et al. 2018), unbiased, or its gradient would be of
    another value. The critic wants a bounded slope: `gradient-penalty` of `witness`, which they weigh by 1, and by 10
    for `energy`.
    """

    def __init__(self, *, discrepancy: Annotated[Any, Of("loss")]) -> None:
        self.discrepancy: Callable[[Tensor, Tensor], Tensor | Terms] = discrepancy

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        """Minus the discrepancy of the features: 0-dim; logs the mean scores."""
        return scored(-self._between(real_verdict, fake_verdict), real_verdict, fake_verdict)

    def generator(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        """The discrepancy of the features: 0-dim."""
        return self._between(real_verdict, fake_verdict)

    def witness(self, verdict: Verdict, real_verdict: Verdict, fake_verdict: Verdict) -> Verdict:
        """The function of a point that a kernel's discrepancy is a difference of, as a critic, for penalties.

            w(t) = mean k(t, f(x)) - mean k(t, f(G)),       steep(v): loss.witness(discriminator(v))

        Of several points the score of each is the mean of w, up to a constant: n of them sum to the sum of w, so that
        their gradients at each point are w's. sum_i w(t_i) = n/2 (MMD^2(t, G) - MMD^2(t, x)) + constant: what t has to
        itself cancels, for any kernel.
        """
        points = features(verdict)
        apart = self._of(points, features(fake_verdict)) - self._of(points, features(real_verdict))
        return Verdict((0.5 * apart).expand(len(points)), points)

    def _between(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        return self._of(features(real_verdict), features(fake_verdict))

    def _of(self, one: Tensor, other: Tensor) -> Tensor:
        found = self.discrepancy(one, other)
        return found.total if isinstance(found, Terms) else found
