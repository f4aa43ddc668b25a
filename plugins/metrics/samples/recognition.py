"""Whether samples are recognisable, and of all classes alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor

from genframe import Count, Figures, FilePath, Probability

from .sides import sides


def recognition(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    sure: Probability = 0.9,
    batch_size: Count = 500,
) -> Figures:
    """How sure a classifier is of samples, and how they fall into classes; the same of the data.

    confidence: the mean probability of the likeliest class. recognised: the share of samples with at least `sure`.
    class_kl: KL(classes of the samples || classes of the split, as the classifier names both), in nats, of which
    (classes - 1) / 2 (1/n + 1/m) is chance. least_class: the share of the rarest class among samples, of the split's
    share of that class. `..._of_data`: of the split, and of training examples against it. A classifier can be sure of
    what is no digit: read it beside fid or prdc.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=None, batch_size=batch_size,
        classes=True,
    )  # fmt: skip
    due = shares(found.data)
    figures = {
        "confidence": confidence(found.samples),
        "recognised": recognised(found.samples, sure),
        "class_kl": divergence(shares(found.samples), due),
        "least_class": float((shares(found.samples) / due.clamp_min(1e-12))[due > 0].min()),
        "confidence_of_data": confidence(found.data),
        "recognised_of_data": recognised(found.data, sure),
        "class_kl_of_data": divergence(shares(found.train), due),
    }
    return Figures(figures, found.provenance | {"sure": f"{sure:g}"})


def confidence(p: Tensor) -> float:
    """The mean of the largest of p(y|x) (n, classes)."""
    return float(p.amax(1).double().mean())


def recognised(p: Tensor, sure: float) -> float:
    """The share of p(y|x) (n, classes) of which the largest is at least `sure`."""
    return float((p.amax(1) >= sure).double().mean())


def shares(p: Tensor) -> Tensor:
    """The share of each class, the likeliest of p(y|x) (n, classes): (classes,)."""
    return p.argmax(1).bincount(minlength=p.shape[1]).double() / len(p)


def divergence(found: Tensor, due: Tensor) -> float:
    """KL(found || due) of shares (bins,), in nats; a bin that ought to be empty counts as one example in 10^6."""
    return float((found.xlogy(found) - found.xlogy(due.clamp_min(1e-6))).sum())
