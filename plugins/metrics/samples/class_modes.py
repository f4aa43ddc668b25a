"""How many combinations of classes samples reach, channel by channel: the modes of stacked digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath

from .features import Extractor, extractor
from .recognition import divergence
from .sides import drawn_of, rows_of


def class_modes(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    samples: Count = 26_000,
    batch_size: Count = 500,
) -> Figures:
    """Modes found and their KL from the uniform law, each channel of a picture classified by itself.

    Of stacked MNIST (Metz et al. 2017; PacGAN's protocol: 26,000 samples, natural logarithms) there are 1,000 modes,
    of pictures of one channel the classes. A perfect sampler shows about (modes - 1) / (2 samples) of KL by counting
    alone, which is `mode_kl_by_chance`. `..._of_data`: of as many training examples. The classifier takes one channel.
    Raises ValueError where it takes another size, or the data are no pictures.
    """
    x = data.first(1)["x"]
    if x.ndim != 4:
        raise ValueError(f"modes by classes are those of pictures, not of examples {tuple(x.shape[1:])}")
    by = extractor(features, x[:, :1])
    if not by.classes:
        by.probabilities(x[:, :1])  # says that it is no classifier
    bins = by.classes ** x.shape[1]
    drawn = histogram(drawn_of(sample, samples, batch_size, tell), by, bins)
    places = torch.randperm(len(train_data))[:samples].sort().values
    pictures = (batch["x"] for batch in rows_of(train_data, places, batch_size))
    others = histogram(pictures, by, bins)
    even = torch.full((bins,), 1 / bins, dtype=torch.float64, device=drawn.device)
    figures = {
        "class_modes": float((drawn > 0).sum()),
        "mode_kl": divergence(drawn / drawn.sum(), even),
        "mode_kl_by_chance": (bins - 1) / (2 * samples),
        "class_modes_of_data": float((others > 0).sum()),
        "mode_kl_of_data": divergence(others / others.sum(), even),
    }
    facts = {**by.facts, "modes there are": bins, "samples": samples, "training examples": int(others.sum())}
    return Figures(figures, facts)


def histogram(pictures: Iterable[Tensor], by: Extractor, bins: int) -> Tensor:
    """How many pictures (n, channels, h, w) are of each combination of their channels' classes: (bins,)."""
    found = None
    for x in pictures:
        label = x.new_zeros(len(x), dtype=torch.int64)
        for channel in torch.split(x, 1, 1):
            label = by.classes * label + by.probabilities(channel).argmax(1)
        hits = label.bincount(minlength=bins).double()
        found = hits if found is None else found + hits
    assert found is not None
    return found
