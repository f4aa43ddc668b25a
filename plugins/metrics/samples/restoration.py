"""Whether restored pictures have the law of clean ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath, NonNegative

from ..denoising import first, told
from .features import extractor
from .fid import distance, moments


def restoration_fid(
    denoise: Callable[..., Tensor],
    noised: Callable[[Tensor, Tensor], Tensor],
    data: Any,
    train_data: Any,
    *,
    levels: tuple[NonNegative, ...] = (0.2, 0.3, 0.5),
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 1000,
    batch_size: Count = 250,
) -> Figures:
    """The Frechet distance of restored pictures from clean ones, at each level of noise; features as of `fid`.

    Of the first `count` examples of a split, noised and restored (pictures clipped to [0, 1]), from the same examples
    clean: a restorer without a fault has 0, and one whose pictures are blurred means of what they may have been is told
    from one whose pictures look like clean ones, which PSNR does not. `restoration_fid_noisy_...`: left as they are;
    `restoration_fid_of_data`: as many training examples. denoise, noised: outputs as of `denoising`. Raises
    ValueError where there are no more examples than features.
    """
    pictures = list(first(data, count, batch_size))
    by = extractor(features, pictures[0][:1])
    size = sum(map(len, pictures))
    clean = torch.cat([by.features(x) for x in pictures])
    if size <= clean.shape[1]:
        raise ValueError(
            f"a covariance of {clean.shape[1]} features needs more than {clean.shape[1]} examples, and there "
            f"are {size}: raise count, or take fewer features"
        )
    scale = float(clean.double().square().mean().sqrt()) or 1.0 if by.classes else 1.0
    due = moments(clean / scale)

    def apart(batches: list[Tensor]) -> float:
        seen = [by.features(x.clamp(0, 1) if x.ndim == 4 else x) for x in batches]
        return distance(moments(torch.cat(seen) / scale), due)[0]

    figures: dict[str, float] = {}
    for level in levels:
        amounts = [torch.full((len(x),), level, device=x.device) for x in pictures]
        noisy = [noised(x, amount) for x, amount in zip(pictures, amounts, strict=True)]
        pairs = zip(noisy, amounts, strict=True)
        restored = [denoise(x, amount) if told(denoise) else denoise(x) for x, amount in pairs]
        figures[f"restoration_fid_{level:g}"] = apart(restored)
        figures[f"restoration_fid_noisy_{level:g}"] = apart(noisy)
    figures["restoration_fid_of_data"] = apart(list(first(train_data, size, batch_size)))
    return Figures(figures, by.facts | {"examples": size, "scale": float(f"{scale:.6g}")})
