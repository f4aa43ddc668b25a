"""What a denoising autoencoder knows of the density: its score against the true one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genframe import Count, Positive

from .denoising import told


def score_error(
    denoise: Callable[..., Tensor],
    data: Any,
    *,
    levels: tuple[Positive, ...] = (0.1, 0.2, 0.3, 0.5),
    batch_size: Count = 1000,
) -> dict[str, float]:
    """How far the score that a denoiser tells is from that of the noised density, at each level sigma.

        score(y) = (denoise(y) - y) / sigma^2,     true: grad log p_sigma(y),  p_sigma = p * N(0, sigma^2 I)

    the first by Miyasawa (1961) and Vincent (2011), the second exactly, for data that are a mixture of one isotropic
    Gaussian for each label `y`: `ring` and `grid`. `score_error_S` is the mean over noised examples of
    sigma^2 |score - true|^2, and `score_unexplained_S` this as a share of the mean of sigma^2 |true|^2: 0 is perfect,
    and 1 what a denoiser gets that changes nothing. denoise: an output picture -> picture, or (picture, level).
    """
    batches = list(data.batches(batch_size))
    x, label = (torch.cat([batch[name] for batch in batches]) for name in ("x", "y"))
    mixture = _Mixture.fitted(x.double().flatten(1), label)
    figures: dict[str, float] = {}
    for sigma in levels:
        error = size = 0.0
        for batch in batches:
            clean = batch["x"]
            noisy = clean + sigma * torch.randn_like(clean)
            level = torch.full((len(clean),), sigma, device=clean.device)
            restored = denoise(noisy, level) if told(denoise) else denoise(noisy)
            found = (restored - noisy).double().flatten(1) / sigma**2
            true = mixture.score(noisy.double().flatten(1), sigma)
            error += float((sigma**2 * (found - true).square().sum(1)).sum()) / len(x)
            size += float((sigma**2 * true.square().sum(1)).sum()) / len(x)
        figures[f"score_error_{sigma:g}"] = error
        figures[f"score_unexplained_{sigma:g}"] = error / size
    return figures


class _Mixture:
    """Isotropic Gaussians with weights: means (modes, d), variances (modes,), log weights (modes,)."""

    def __init__(self, means: Tensor, variances: Tensor, log_weights: Tensor) -> None:
        self.means, self.variances, self.log_weights = means, variances, log_weights

    @classmethod
    def fitted(cls, x: Tensor, label: Tensor) -> _Mixture:
        """One Gaussian for the examples x (n, d) of each label (n,)."""
        groups = [x[label == mode] for mode in range(int(label.max()) + 1) if bool((label == mode).any())]
        means = torch.stack([group.mean(0) for group in groups])
        variances = torch.stack([(group - group.mean(0)).square().mean() for group in groups])
        shares = torch.tensor([len(group) / len(x) for group in groups], dtype=x.dtype, device=x.device)
        return cls(means, variances, shares.log())

    def score(self, y: Tensor, sigma: float) -> Tensor:
        """grad log p_sigma at y (n, d): sum_m P(m|y) (mean_m - y) / (variance_m + sigma^2)."""
        variances = self.variances + sigma**2
        apart = self.means - y.unsqueeze(1)  # (n, modes, d)
        d = y.shape[1]
        exponent = -0.5 * apart.square().sum(2) / variances - 0.5 * d * (2 * math.pi * variances).log()
        share = (self.log_weights + exponent).softmax(1)  # (n, modes)
        return (share.unsqueeze(2) * apart / variances[:, None]).sum(1)
