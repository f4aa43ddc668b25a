"""Denoisers that nobody trained: what a learned one has to beat.

Each takes noised pictures (batch, channels, height, width) and gives one result for each of a few settings: a metric
keeps the best, as whoever used the method would set it by eye.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genframe import Problem, RecipeError


def median(noised: Tensor, std: float) -> Iterator[Tensor]:
    """The median of each pixel's neighbours in squares of 3, 5 and 7 pixels, borders mirrored."""
    for side in (3, 5, 7):
        if side // 2 < min(noised.shape[2:]):
            padded = F.pad(noised, [side // 2] * 4, mode="reflect")
            yield padded.unfold(2, side, 1).unfold(3, side, 1).flatten(4).median(4).values


def wavelet(noised: Tensor, std: float) -> Iterator[Tensor]:
    """Wavelet coefficients shrunk, by thresholds of BayesShrink and VisuShrink (Chang et al. 2000), db1 and sym4."""
    restoration, std = _scikit_image(), max(std, 1e-6)
    for method in ("BayesShrink", "VisuShrink"):
        for name in ("db1", "sym4"):

            def shrunk(picture: Any, method: str = method, name: str = name) -> Any:
                return restoration.denoise_wavelet(
                    picture, sigma=std, wavelet=name, method=method, mode="soft", rescale_sigma=True
                )

            yield _each(noised, shrunk)


def nlm(noised: Tensor, std: float) -> Iterator[Tensor]:
    """Non-local means (Buades et al. 2005) with patches of 5 pixels within 13, and h = 0.6, 0.8 and 1 times std."""
    restoration, std = _scikit_image(), max(std, 1e-6)
    for share in (0.6, 0.8, 1.0):

        def averaged(picture: Any, share: float = share) -> Any:
            return restoration.denoise_nl_means(
                picture, patch_size=5, patch_distance=6, h=share * std, sigma=std, fast_mode=True
            )

        yield _each(noised, averaged)


CLASSICAL: dict[str, Callable[[Tensor, float], Iterator[Tensor]]] = {
    "median": median,
    "wavelet": wavelet,
    "nlm": nlm,
}


def neighbours(noised: Tensor, clean: Tensor, k: int, block: int = 4096) -> Tensor:
    """The mean of the k pictures of `clean` (n, ...) that are nearest to each noised one, by squared differences.

    With many clean pictures of the right law it nears the posterior mean, which no denoiser can beat.
    """
    best: tuple[Tensor, Tensor] | None = None
    flat = noised.flatten(1)
    for start in range(0, len(clean), block):
        part = clean[start : start + block].flatten(1)
        distance = part.square().sum(1) - 2 * flat @ part.T  # (batch, block), |noised|^2 left out
        place = torch.arange(start, start + len(part), device=part.device).expand_as(distance)
        if best is not None:
            distance, place = torch.cat([best[0], distance], 1), torch.cat([best[1], place], 1)
        nearest = distance.topk(min(k, distance.shape[1]), dim=1, largest=False)
        best = nearest.values, place.gather(1, nearest.indices)
    if best is None:
        raise ValueError("there are no clean pictures to average")
    return clean[best[1]].mean(1)


def _each(noised: Tensor, method: Callable[[Any], Any]) -> Tensor:
    """A method of arrays (height, width) for each channel of each picture."""
    arrays = noised.detach().cpu().double().flatten(0, 1).numpy()
    found = torch.stack([torch.from_numpy(method(array)) for array in arrays])
    return found.reshape(noised.shape).to(noised)


def _scikit_image() -> Any:
    try:
        from skimage import restoration
    except ImportError as error:
        message = (
            f"the baselines wavelet and nlm are scikit-image's, which can't be imported ({error}): "
            "pip install scikit-image PyWavelets, or leave them out: baselines: [median, neighbours]"
        )
        raise RecipeError(Problem("GF537", message, path="evaluate")) from error
    return restoration
