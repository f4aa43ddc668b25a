"""A classifier two-sample test: whether two sets of points can be told apart, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Auc:
    """An area under the ROC curve with its 95 % interval; 0.5 where nothing is told apart."""

    value: float
    low: float
    high: float


def classifier_auc(first: Tensor, second: Tensor, seed: int = 0) -> Auc:
    """How well gradient-boosted trees tell points (n, ...) of `first` from those of `second`, on the halves unseen.

    Lopez-Paz & Oquab 2017. 0.5 where the two have one law, up to what trees can see; 1 where every pair is told
    apart. The interval is DeLong's (1988). Raises ValueError for fewer than 20 points of either.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    if min(len(first), len(second)) < 20:
        raise ValueError(f"20 points of each are needed at least, not {len(first)} and {len(second)}")
    points = [part.detach().cpu().flatten(1).double().numpy() for part in (first, second)]
    order = [np.random.default_rng(seed + place).permutation(len(part)) for place, part in enumerate(points)]
    halves = [np.array_split(part[at], 2) for part, at in zip(points, order, strict=True)]
    seen = np.concatenate([half[0] for half in halves])
    labels = np.concatenate([np.full(len(half[0]), place) for place, half in enumerate(halves)])
    classifier = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.1, random_state=seed)
    classifier.fit(seen, labels)
    scores = [classifier.predict_proba(half[1])[:, 1] for half in halves]
    return delong(scores[1], scores[0])


def delong(positive: np.ndarray, negative: np.ndarray, z: float = 1.959964) -> Auc:
    """P(positive > negative) + P(equal) / 2 of scores (m,) and (n,), and the interval of z standard errors.

    DeLong, DeLong & Clarke-Pearson 1988, eq. 3-5; clipped to [0, 1].
    """
    by_positive = _placed(positive, negative)  # of each positive the share of negatives below it
    by_negative = 1 - _placed(negative, positive)
    auc = float(by_positive.mean())
    variance = by_positive.var(ddof=1) / len(positive) + by_negative.var(ddof=1) / len(negative)
    error = math.sqrt(float(variance))
    return Auc(auc, max(0.0, auc - z * error), min(1.0, auc + z * error))


def _placed(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    ordered = np.sort(others)
    below, upto = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    placed: np.ndarray = (below + upto) / (2 * len(others))
    return placed
