"""Augmentation that follows how far the critic overfits."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from genframe import Count, Ge, Le, Probability, Terms, Verdict


class Ada(nn.Module):
    """`ada()` is p, a chance in [0, cap], 0-dim; `ada.adapt(real_verdict)` moves it (Karras et al. 2020, section 3.1).

        r = mean sign D(x) over the real examples of `every` steps,       p += sign(r - target) n / examples

    with n the number of those examples: a critic that is sure of the real data (r near 1) has begun to know them by
    heart, and gets to see them changed. From 0 to 1 p takes `examples` real examples. target and every are the
    paper's, which has 500,000 examples for runs of 25 million; less is right for short runs. cap: at p = 1 no
    picture is left as it is, and the generator learns the changes (section 2.2), so that p stays below.

    `adapt` is a term of the critic that is only looked at (`minimises: {adapted: 0}`): it logs p and, of its batch, the
    mean sign. p moves in training alone, and is kept in checkpoints.
    """

    p: Tensor
    signs: Tensor
    seen: Tensor
    steps: Tensor

    def __init__(
        self,
        *,
        target: Annotated[float, Ge(-1), Le(1)] = 0.6,
        every: Count = 4,
        examples: Count = 500_000,
        cap: Probability = 0.8,
    ) -> None:
        super().__init__()
        self.target, self.every, self.examples, self.cap = target, every, examples, cap
        for name in ("p", "signs", "seen", "steps"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self) -> Tensor:
        return self.p.clone()  # as it is now: what was augmented stays what it was when p moves on

    @torch.no_grad()
    def adapt(self, real_verdict: Verdict) -> Terms:
        """A term of 0 that logs p and the mean sign of the scores of real data."""
        signs = real_verdict.score.sign().flatten().float()
        if self.training:
            self._observe(signs)
        return Terms(torch.zeros_like(self.p), {"p": self.p.clone(), "sign": signs.mean()})

    def _observe(self, signs: Tensor) -> None:
        """Count a step, and after `every` of them move; no look at a number, which would make a GPU wait."""
        self.signs += signs.sum()
        self.seen += len(signs)
        self.steps += 1
        moves = self.steps >= self.every
        step = (self.signs / self.seen - self.target).sign() * self.seen / self.examples
        self.p.copy_(torch.where(moves, (self.p + step).clamp(0, self.cap), self.p))
        for count in (self.signs, self.seen, self.steps):
            count.masked_fill_(moves, 0)
