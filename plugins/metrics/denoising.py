"""A denoiser at several levels of noise, beside what can be had without training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, NonNegative, Positive

from .classical import CLASSICAL, neighbours
from .fidelity import psnr_of, ssim_of


def denoising(
    denoise: Callable[..., Tensor],
    noised: Callable[[Tensor, Tensor], Tensor],
    data: Any,
    train_data: Any,
    *,
    levels: tuple[NonNegative, ...] = (0.1, 0.2, 0.3, 0.4, 0.5),
    baselines: tuple[Literal["median", "wavelet", "nlm", "neighbours"], ...] = ("median", "neighbours"),
    count: Count = 1000,
    k: Count = 10,
    clean: Count = 10_000,
    peak: Positive = 1.0,
    batch_size: Count = 250,
) -> dict[str, float]:
    """PSNR (dB) and SSIM of the first `count` examples of a split, noised at each level and restored.

    denoise: an output picture -> picture, or (picture, level (batch,)) -> picture. noised: an output (x, level).
    Figures are `psnr_0.3`, `ssim_0.3`, and for comparison `psnr_noisy_0.3` (left as it is), `psnr_clipped_0.3` (the
    same in [0, peak]) and `psnr_NAME_0.3` of each of the `baselines`:

        median, wavelet, nlm     filters, told the noise's true deviation, with whichever of some settings is best on
                                 these very pictures: the odds are on their side. The last two need scikit-image
        neighbours               the mean of the `k` nearest among the first `clean` training examples

    `gain_0.3` is PSNR less that of the best filter. All but `noisy` are clipped to [0, peak]. PSNR is
    10 log10(peak^2 / MSE) of each picture, then the mean; SSIM as of the metric `ssim`. Each level and batch draws its
    noise once, for all.
    """
    known = train_data.first(clean)["x"] if "neighbours" in baselines else None
    figures: dict[str, float] = {}
    for level in levels:
        rows = [
            _of_batch(denoise, noised, x, level, baselines, known, k, peak)
            for x in first(data, count, batch_size)
        ]
        means = {name: torch.cat([row[name] for row in rows]).mean(0) for name in rows[0]}
        figures |= _named(means, level)
    return figures


def first(data: Any, count: int, batch_size: int) -> Iterator[Tensor]:
    """The first `count` examples in batches."""
    for batch in data.batches(batch_size):
        if count <= 0:
            return
        yield batch["x"][:count]
        count -= len(batch["x"])


def told(denoise: Callable[..., Tensor]) -> bool:
    """Whether an output that denoises takes the level too."""
    return len(inspect.signature(denoise).parameters) > 1


def _of_batch(
    denoise: Callable[..., Tensor],
    noised: Callable[[Tensor, Tensor], Tensor],
    x: Tensor,
    level: float,
    baselines: tuple[str, ...],
    known: Tensor | None,
    k: int,
    peak: float,
) -> dict[str, Tensor]:
    """Figures of each picture by the name of what restored it: (batch, settings)."""
    levels = torch.full((len(x),), level, device=x.device)
    noisy = noised(x, levels)
    restored = denoise(noisy, levels) if told(denoise) else denoise(noisy)
    unclipped = -10 * (noisy - x).double().square().flatten(1).mean(1).div(peak**2).clamp_min(1e-10).log10()
    found = {
        "psnr": psnr_of(restored, x, peak),
        "ssim": ssim_of(restored, x, peak),
        "psnr_noisy": unclipped,
        "psnr_clipped": psnr_of(noisy, x, peak),
        "ssim_clipped": ssim_of(noisy, x, peak),
    }
    columns = {name: values.unsqueeze(1) for name, values in found.items()}
    deviation = float((noisy - x).double().square().mean().sqrt())
    for name in baselines:
        if name == "neighbours" and known is not None:
            results = iter([neighbours(noisy, known, k)])
        else:
            results = CLASSICAL[name](noisy, deviation)
        columns[f"psnr_{name}"] = torch.stack([psnr_of(result, x, peak) for result in results], 1)
    return columns


def _named(means: dict[str, Tensor], level: float) -> dict[str, float]:
    """The figures of a level; a baseline's is that of its best setting."""
    figures = {f"{name}_{level:g}": float(values.max()) for name, values in means.items()}
    filters = [figures[f"psnr_{name}_{level:g}"] for name in CLASSICAL if f"psnr_{name}" in means]
    if filters:
        figures[f"gain_{level:g}"] = figures[f"psnr_{level:g}"] - max(filters)
    return figures
