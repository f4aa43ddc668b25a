"""A picture of any size through a net for pictures of one size: in patches that overlap, band by band."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

VALUES = 1_000_000
"""So many values are given to the net at once at most."""


def restored(
    rows: Callable[[Tensor], Tensor],
    size: tuple[int, int],
    patch: tuple[int, int],
    net: Callable[[Tensor], Tensor],
) -> Iterator[tuple[int, Tensor]]:
    """Bands (top row, (channels, rows, width)) of the picture that `net` makes of one of the height and width `size`.

    rows: the picture's rows (channels, n, width) at given places (n,). net: (batch, channels, *patch) -> the same.
    Patches overlap by half, and where they do are weighed by a Hann window, so that no seam shows. A picture of the
    patch's size goes through the net as it is; a smaller one is mirrored at its borders up to that size. No more
    than a band of a patch's height is held.
    """
    high, wide = max(size[0], patch[0]), max(size[1], patch[1])
    tops, lefts = _starts(high, patch[0]), _starts(wide, patch[1])
    columns = _mirrored(torch.arange(wide), size[1])
    window = torch.outer(_hann(patch[0]), _hann(patch[1]))
    weight = _summed(window, lefts, wide)  # (patch height, wide): of one band
    total = weights = torch.zeros(0)
    for top, after in zip(tops, [*tops[1:], high], strict=True):
        band = rows(_mirrored(torch.arange(top, top + patch[0]), size[0]))[:, :, columns]
        if len(tops) == len(lefts) == 1:
            yield 0, net(band.unsqueeze(0)).squeeze(0)[:, : size[0], : size[1]]
            return
        if not len(weights):
            total, weights = torch.zeros_like(band), torch.zeros_like(weight)
        _add(total, band, lefts, window, net)
        weights += weight
        ready = min(after, size[0]) - top
        yield top, (total[:, :ready] / weights[:ready])[:, :, : size[1]]
        total, weights = _moved(total, after - top), _moved(weights, after - top)


def _add(
    total: Tensor, band: Tensor, lefts: Sequence[int], window: Tensor, net: Callable[[Tensor], Tensor]
) -> None:
    """Add what the net makes of each patch of a band (channels, height, wide), weighed."""
    wide = window.shape[1]
    at_once = max(VALUES // (band.shape[0] * window.numel()), 1)
    for start in range(0, len(lefts), at_once):
        places = lefts[start : start + at_once]
        made = net(torch.stack([band[:, :, left : left + wide] for left in places]))
        for left, patch in zip(places, made * window, strict=True):
            total[:, :, left : left + wide] += patch


def _starts(length: int, patch: int) -> list[int]:
    """Where patches begin: half a patch apart, the last one at the end."""
    starts = list(range(0, length - patch + 1, max(patch // 2, 1)))
    return starts if starts[-1] == length - patch else [*starts, length - patch]


def _hann(n: int) -> Tensor:
    """sin^2(pi (i + 1/2) / n): n weights, none of them 0."""
    return torch.sin(math.pi * (torch.arange(n) + 0.5) / n).square()


def _summed(window: Tensor, lefts: Sequence[int], wide: int) -> Tensor:
    weight = torch.zeros(window.shape[0], wide)
    for left in lefts:
        weight[:, left : left + window.shape[1]] += window
    return weight


def _mirrored(places: Tensor, length: int) -> Tensor:
    """Places beyond the end as they are reflected there: 0 1 2 1 0 1 ... for a length of 3."""
    period = max(2 * (length - 1), 1)
    return (length - 1 - (places % period - (length - 1)).abs()).clamp_min(0)


def _moved(tensor: Tensor, rows: int) -> Tensor:
    """Without its first rows (of the last but one dimension), and zeros for them at the end."""
    return torch.cat([tensor[..., rows:, :], torch.zeros_like(tensor[..., :rows, :])], dim=-2)
