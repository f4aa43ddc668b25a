"""Differentiable augmentation."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, NonNegative, per_example

Share = Annotated[float, Ge(0), Le(1)]


def diff_augment(
    x: Tensor,
    p: Tensor | float = 1.0,
    *,
    brightness: NonNegative = 0.25,
    saturation: Share = 1.0,
    contrast: Share = 0.5,
    translation: Share = 0.125,
    cutout: Share = 0.5,
    fill: float = 0.5,
) -> Tensor:
    """Pictures (batch, channels, height, width) after five changes, each drawn for each of them (Zhao et al. 2020).

    Real and generated pictures go through it before the critic, in both players' moves; its gradient reaches the
    generator. In this order: `brightness` adds up to so much, either way; `saturation` multiplies the distances of the
    channels from their mean by 1 - s to 1 + s (of one channel there are none), `contrast` those of all values from the
    picture's mean; `translation` shifts by whole pixels, up to that share of a side, either way; `cutout` blanks a
    rectangle of that share of each side, whose centre lies anywhere in the picture. 0 leaves a change out.

    The defaults are the paper's. Its pictures lie in [-1, 1], so that its brightness of 0.5 is 0.25 here, and its fill
    of 0, mid-grey, is 0.5. p: the chance of each change for each picture (`ada` gives one). Raises ValueError for
    what are no pictures.
    """
    if x.ndim != 4:
        raise ValueError(
            f"diff_augment takes pictures (batch, channels, height, width), not {tuple(x.shape)}: vectors have no "
            "brightness and no neighbours; for those there is instance noise (gaussian, or diffusion)"
        )
    x = x + brightness * _either_way(x, p)
    x = _stretched(x, x.mean(1, keepdim=True), saturation * _either_way(x, p))
    x = _stretched(x, x.mean((1, 2, 3), keepdim=True), contrast * _either_way(x, p))
    return _cut_out(_shifted(x, p, translation, fill), p, cutout, fill)


def _happens(x: Tensor, p: Tensor | float) -> Tensor:
    """Which examples a change befalls: (batch,)."""
    return torch.rand(len(x), device=x.device) < p


def _either_way(x: Tensor, p: Tensor | float) -> Tensor:
    """Uniform in [-1, 1], or 0 where the change does not happen: (batch, 1, 1, 1)."""
    return per_example((2 * torch.rand(len(x), device=x.device) - 1) * _happens(x, p), x)


def _stretched(x: Tensor, middle: Tensor, more: Tensor) -> Tensor:
    """Distances from the middle times 1 + more: x to the bit where that is 0."""
    return torch.addcmul(x, more, x - middle)


def _shifted(x: Tensor, p: Tensor | float, share: float, fill: float) -> Tensor:
    """Each picture moved down and to the right, by its own number of pixels, which may be negative."""
    happens = _happens(x, p)
    for axis in (2, 3):
        side = x.shape[axis]
        furthest = int(side * share + 0.5)
        step = torch.randint(-furthest, furthest + 1, (len(x),), device=x.device) * happens
        source = torch.arange(side, device=x.device) - step.unsqueeze(1)  # (batch, side)
        shape = [len(x), 1, *(side if other == axis else 1 for other in (2, 3))]
        index = source.clamp(0, side - 1).reshape(shape).expand_as(x)
        inside = ((source >= 0) & (source < side)).reshape(shape)
        x = torch.where(inside, x.gather(axis, index), fill)
    return x


def _cut_out(x: Tensor, p: Tensor | float, share: float, fill: float) -> Tensor:
    hole = per_example(_happens(x, p), x)
    for axis in (2, 3):
        side = x.shape[axis]
        length = int(side * share + 0.5)
        start = torch.randint(side + 1 - length % 2, (len(x), 1), device=x.device) - length // 2
        pixel = torch.arange(side, device=x.device)
        covered = (pixel >= start) & (pixel < start + length)  # (batch, side)
        hole = hole & covered.reshape([len(x), 1, *(side if other == axis else 1 for other in (2, 3))])
    return torch.where(hole, fill, x)
