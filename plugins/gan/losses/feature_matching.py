"""Feature matching."""

from __future__ import annotations

from torch import Tensor

from genframe import Verdict

from .scores import features


def feature_matching(real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
    """|mean f(x) - mean f(G)|^2, f what the critic saw: 0-dim (Salimans et al. 2016, section 3.1).

    A generator's loss in place of `loss.generator()`, or beside it; the critic keeps its own. Summed over the features,
    whose means are over the batch: a large one. Raises ValueError for a critic without features.
    """
    gap = features(real_verdict).mean(0) - features(fake_verdict).mean(0)
    return gap.square().sum()
