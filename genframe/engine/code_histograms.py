"""Histograms of the codes that `encode` makes of fixed examples: how a model fills its latent space."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genframe.data.feed import Feed
from genframe.engine.outputs import Outputs

EXAMPLES, BINS = 1000, 32

MOST = 64
"""So many dimensions have a histogram each; codes of more are shown as a whole."""

Histogram = dict[str, list[float]]
"""`counts` between `edges`, of which there is one more."""


def code_histograms(outputs: Outputs, feeds: Mapping[str, Feed]) -> dict[str, Histogram]:
    """`encode`: of all values; `encode/0` ...: of each dimension. Raises RecipeError (GF531) without such an output.

    Of the first examples of the test split, else validation, else training. Empty where the data don't give what
    `encode` takes.
    """
    encode, arguments = outputs["encode"], outputs.arguments("encode")
    for feed in feeds.values():
        split = next(s for s in ("test", "validation", "train") if s in feed.spec.lengths)
        batch = feed.split(split).first(EXAMPLES)
        if set(arguments) <= batch.keys():
            with outputs.evaluating("histograms"):
                return _of(encode(batch))
    return {}


def _of(codes: object) -> dict[str, Histogram]:
    if not isinstance(codes, Tensor) or not codes.numel():
        return {}
    flat = codes.detach().flatten(1).float().cpu()  # (examples, dimensions)
    found = {"encode": _histogram(flat)}
    if 1 < flat.shape[1] <= MOST:
        found |= {f"encode/{number}": _histogram(column) for number, column in enumerate(flat.T)}
    return found


def _histogram(values: Tensor) -> Histogram:
    values = values[torch.isfinite(values)]
    counts, edges = torch.histogram(values.flatten().double(), BINS)
    return {"counts": counts.int().tolist(), "edges": [float(f"{edge:.8g}") for edge in edges.tolist()]}
