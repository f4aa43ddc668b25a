"""How faithful and how diverse samples are: precision, recall, density and coverage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath

from .sides import sides, timed

BLOCK = 2_000_000
"""Distances that are held at once, at most: 16 MB, and as much again for what is made of them."""

Tell = Callable[[str], None]


def prdc(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Tell,
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    k: Count = 5,
    batch_size: Count = 500,
) -> Figures:
    """Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) of samples.

    The ball of an example reaches to its k-th neighbour among its own, itself not counted. precision: the share of
    samples in a ball of the data; recall: of the data in a ball of the samples; density: how many balls of the data
    hold a sample, over k, so that it may pass 1; coverage: the share of the data whose ball holds a sample. As many
    samples as examples, at most `count` (both papers took 10,000). Outliers among the samples raise recall, and not
    coverage. `..._of_data`: the figures of as many training examples. k = 5 is the second paper's, the first took 3.
    Raises ValueError where there are no more than k examples.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=None, batch_size=batch_size
    )
    least = min(map(len, (found.samples, found.data, found.train)))
    if least <= k:
        raise ValueError(
            f"the {k}-th neighbour needs more than {k} examples of each side, and there are {least}"
        )
    ball = radii(found.data, k, tell)
    figures = measured(found.data, ball, found.samples, k, tell)
    others = measured(found.data, ball, found.train, k, tell)
    facts = {**found.provenance, "neighbours": k, "distances held": f"{8 * BLOCK / 1e6:.0f} MB at most"}
    return Figures(figures | {f"{name}_of_data": value for name, value in others.items()}, facts)


def measured(
    real: Tensor, ball: Tensor, fake: Tensor, k: int, tell: Tell = lambda text: None
) -> dict[str, float]:
    """The four figures of fake (n, d) against real (m, d), whose squared radii are `ball` (m,)."""
    real, fake = real.double(), fake.double()
    own = radii(fake, k, tell)  # (n,)
    held = real.new_zeros(len(fake))  # how many real balls hold each fake
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    nearest = torch.full_like(ball, torch.inf)  # of each real, the squared distance of the nearest fake
    middle = real.mean(0)
    others = (real - middle).T.contiguous()
    lengths = others.square().sum(0)
    rows = max(BLOCK // len(real), 1)
    blocks = list(zip(torch.split(fake - middle, rows), torch.split(own, rows), strict=True))
    for place, (part, reach) in enumerate(timed(blocks, len(blocks), tell, "comparing samples with data")):
        squares = squared(part, others, lengths)  # (rows, m)
        held[place * rows : place * rows + len(part)] = (squares <= ball).sum(1).to(held)
        recalled |= (squares <= reach.unsqueeze(1)).any(0)
        nearest = torch.minimum(nearest, squares.amin(0))
    return {
        "precision": float((held > 0).double().mean()),
        "recall": float(recalled.double().mean()),
        "density": float(held.double().mean()) / k,
        "coverage": float((nearest <= ball).double().mean()),
    }


def radii(points: Tensor, k: int, tell: Tell = lambda text: None) -> Tensor:
    """The squared distance of each of points (n, d) to its k-th neighbour, itself not counted: (n,).

    And by how much a product in double precision may be wrong, so that a copy of the neighbour lies in the ball.
    """
    points = points.double()
    centred = points - points.mean(0)
    others = centred.T.contiguous()
    lengths = others.square().sum(0)
    rows = max(BLOCK // len(points), 1)
    found = []
    blocks = timed(
        torch.split(centred, rows), -(-len(points) // rows), tell, f"neighbours of {len(points):,}"
    )
    for place, part in enumerate(blocks):
        squares = squared(part, others, lengths)
        squares.diagonal(offset=place * rows).fill_(torch.inf)
        found.append(squares.topk(k, dim=1, largest=False).values[:, -1])
    return torch.cat(found) + 1e-14 * (lengths + lengths.amax())


def squared(part: Tensor, others: Tensor, lengths: Tensor) -> Tensor:
    """Squared distances of part (b, d) to others (d, n), whose squared lengths are known: (b, n).

    By one product of matrices in double precision and around a common middle: they are small differences of large
    numbers, which in single precision would hide modes that are narrow beside what lies between them.
    """
    squares = torch.addmm(lengths, part, others, alpha=-2)
    return squares.add_(part.square().sum(1, keepdim=True))
