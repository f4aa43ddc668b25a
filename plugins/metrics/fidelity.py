"""How like a picture is to its original: PSNR and SSIM."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Positive

MOST = 100.0
"""PSNR of what equals its original to single precision, in decibels: a logarithm has no zero."""


def psnr(
    restored: Callable[[Tensor], Tensor], data: Any, *, peak: Positive = 1.0, batch_size: Count = 500
) -> dict[str, float]:
    """The mean over a split of each picture's peak signal-to-noise ratio, in decibels; and its standard error.

        10 log10(peak^2 / MSE)  of each picture, then the mean (not of the MSE)

    restored: an output x -> its shape; it is clipped to [0, peak] first, as a file would be. At most 100 dB.
    """
    return _mean("psnr", restored, data, psnr_of, peak, batch_size)


def ssim(
    restored: Callable[[Tensor], Tensor], data: Any, *, peak: Positive = 1.0, batch_size: Count = 500
) -> dict[str, float]:
    """The mean over a split of each picture's structural similarity; and its standard error.

    Wang et al. 2004: a Gaussian window of 11x11 with s = 1.5 wherever it fits, K1 = 0.01, K2 = 0.03, the range
    [0, peak]; computed by torchmetrics, whose own mean takes mirrored borders in as well. restored: as for `psnr`.
    Raises ValueError for pictures of fewer than 11 pixels a side.
    """
    return _mean("ssim", restored, data, ssim_of, peak, batch_size)


def psnr_of(picture: Tensor, original: Tensor, peak: float = 1.0) -> Tensor:
    """Of each picture (batch, ...), in decibels and double precision: (batch,)."""
    error = (picture.clamp(0, peak) - original).double().square().flatten(1).mean(1) / peak**2
    return -10 * error.clamp_min(10 ** (-MOST / 10)).log10()


def ssim_of(picture: Tensor, original: Tensor, peak: float = 1.0) -> Tensor:
    """Of each picture (batch, channels, height, width): (batch,)."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    if picture.ndim != 4 or min(picture.shape[2:]) < 11:
        raise ValueError(
            f"SSIM looks through a window of 11x11 pixels, larger than {tuple(picture.shape[1:])}"
        )
    _, maps = structural_similarity_index_measure(
        picture.clamp(0, peak),
        original,
        sigma=1.5,
        data_range=(0.0, peak),
        k1=0.01,
        k2=0.03,
        reduction="none",
        return_full_image=True,
    )
    inside: Tensor = maps[..., 5:-5, 5:-5]  # where the window needs no pixels from beyond the border
    return inside.flatten(1).double().mean(1)


def mean_and_error(name: str, values: Tensor) -> dict[str, float]:
    """The mean of values (examples,) and its standard error, by name."""
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else math.nan
    return {name: float(values.mean()), f"{name}_standard_error": error}


def _mean(
    name: str,
    restored: Callable[[Tensor], Tensor],
    data: Any,
    figure: Callable[[Tensor, Tensor, float], Tensor],
    peak: float,
    batch_size: int,
) -> dict[str, float]:
    pictures = (batch["x"] for batch in data.batches(batch_size))
    return mean_and_error(name, torch.cat([figure(restored(x), x, peak) for x in pictures]))
