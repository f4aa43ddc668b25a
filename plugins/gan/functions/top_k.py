"""The best-judged fakes alone, for a generator that learns from those."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genframe import Schedulable, Verdict


def top_k(fake_verdict: Verdict, *, share: Schedulable = 0.5) -> Verdict:
    """The verdict on the `share` of fakes that score highest, rounded up: score (k, ...), features (k, d).

    Gradients of the rest are thrown away, for they may point away from the data (Sinha et al. 2020, algorithm 1). The
    paper begins with all of them, multiplies k by 0.99 an epoch, and stops at half, which is the default here; `share:
    {exponential: {from: 1, to: 0.5, epochs: 70}}` does the same. A map of scores counts as its mean. Raises ValueError
    for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is above 0 and at most 1, and is {share}")
    score, features = fake_verdict.score, fake_verdict.features
    each: Tensor = score.flatten(1).mean(1) if score.ndim > 1 else score
    best = torch.topk(each.detach(), math.ceil(share * len(each))).indices
    return Verdict(score[best], None if features is None else features[best])
