"""Whether samples are copies: how near the training examples they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath, Probability

from .features import extractor
from .prdc import BLOCK, squared
from .sides import drawn_of, rows_of, timed

SHOWN, BESIDE = 8, 5
"""Samples that are shown, and how many of their nearest training examples."""


def neighbours(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    show: Callable[[Tensor], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "pixels",
    count: Count = 1000,
    copies: Probability = 0.01,
    batch_size: Count = 500,
) -> Figures:
    """The distance of samples to their nearest training example, beside that of unseen examples.

    neighbour_ratio: the median of the samples' distances over that of `count` examples of the split; below 1, samples
    are nearer to the training data than new data are. neighbour_auc: how often a sample is nearer than an unseen
    example, 0.5 for a perfect model and 1 for one that copies. copied: the share of samples nearer than all but 1 % of
    the unseen (`copies`), so that 0.01 is what new data get. Blurred samples are near to everything by pixels: look at
    the picture, of samples beside their nearest training examples, and take features: RUN too.
    Raises ValueError on the training split, whose examples are at no distance from themselves.
    """
    if data.name == "train":
        raise ValueError(
            "the training split is at no distance from itself: take another (--split test), or hold some out"
        )
    by = extractor(features, data.first(1)["x"])
    pictures = list(drawn_of(sample, count, batch_size, tell))
    places = (
        torch.arange(len(data)) if count >= len(data) else torch.randperm(len(data))[:count].sort().values
    )
    new = torch.cat([by.features(batch["x"]) for batch in rows_of(data, places, batch_size)])
    old = torch.cat([by.features(batch["x"]) for batch in train_data.batches(batch_size)])
    near, which = nearest(torch.cat([by.features(x) for x in pictures]), old, min(BESIDE, len(old)), tell)
    unseen = nearest(new, old, 1, tell)[0][:, 0]
    ours = near[:, 0].contiguous()
    if pictures[0].ndim == 4 and pictures[0].shape[1] in (1, 3):
        show(_rows(torch.cat(pictures)[:SHOWN], which[:SHOWN], train_data, batch_size))
    ordered = unseen.sort().values
    nearer = sum(torch.searchsorted(ordered, ours, right=right).double().mean() for right in (False, True))
    figures = {
        "neighbour_ratio": float(ours.median() / unseen.median().clamp_min(1e-12)),
        "neighbour_auc": 1 - float(nearer) / (2 * len(unseen)),
        "copied": float((ours < unseen.quantile(copies)).double().mean()),
    }
    facts = {"samples": len(ours), "examples": len(unseen), "training examples": len(old)}
    return Figures(figures, by.facts | facts)


def nearest(x: Tensor, old: Tensor, k: int, tell: Callable[[str], None]) -> tuple[Tensor, Tensor]:
    """The distances (n, k) of x (n, d) to their k nearest of `old` (m, d), nearest first, and which they are."""
    middle = old.mean(0)
    others = (old - middle).T.contiguous()
    lengths = others.square().sum(0)
    rows = max(BLOCK // len(old), 1)
    blocks = timed(torch.split(x - middle, rows), -(-len(x) // rows), tell, f"neighbours among {len(old):,}")
    found = [squared(part, others, lengths).topk(k, dim=1, largest=False) for part in blocks]
    distances = torch.cat([values for values, _ in found]).clamp_min(0).sqrt()
    return distances, torch.cat([places for _, places in found])


def _rows(samples: Tensor, which: Tensor, train_data: Any, batch_size: int) -> Tensor:
    """Each sample and behind it its neighbours: (samples, 1 + neighbours, channels, height, width)."""
    places, back = torch.unique(which.flatten().cpu(), return_inverse=True)
    old = torch.cat([batch["x"] for batch in rows_of(train_data, places, batch_size)])
    beside = old[back.to(old.device)].view(*which.shape, *samples.shape[1:])
    return torch.cat([samples.unsqueeze(1), beside.to(samples)], 1)
