"""The Parzen-window log-likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from genframe import Count, NonNegative, Positive

BLOCK = 4_000_000
"""Squared distances that are held at once, at most."""


def parzen(
    sample: Callable[[int], Tensor],
    data: Any,
    *,
    samples: Count = 10_000,
    sigma: NonNegative = 0.0,
    low: Positive = 0.1,
    high: Positive = 1.0,
    sigmas: Count = 10,
) -> dict[str, float]:
    """The mean log-likelihood of a split, in nats, under Gaussians of one sigma around samples of a model.

        log 1/n sum_j exp(-|x - m_j|^2 / (2 sigma^2)) - D log(sigma sqrt(2 pi))

    By the script that went with Goodfellow et al. 2014: 10,000 samples, sigma the best of a geometric sequence, the
    standard error that of the examples (another set of samples moves the figure by more). Where sigma is 0, it is
    chosen on the split itself, one number for thousands of examples; papers choose it on validation pictures:
    evaluate the split `validation`, and give the sigma that it prints. (0.23 was given for the GSN.)

    **A warning.** This is no likelihood of the model: its value depends on the number of samples and on the sigmas
    that are tried; samples that are means score above draws of the same model; pictures of the training data score
    below good models (Theis et al. 2016), and models stand in another order than by their likelihood. Print it only to
    compare with papers of 2011 to 2015, and the figure of training pictures beside it.
    """
    centres = sample(samples).flatten(1).double()
    tried = (
        [sigma] if sigma else [low * (high / low) ** (place / max(sigmas - 1, 1)) for place in range(sigmas)]
    )
    values = log_densities(data.tensors["x"].flatten(1).double(), centres, tried)
    best = int(values.mean(1).argmax())
    return {
        "parzen_log_likelihood": float(values[best].mean()),
        "parzen_log_likelihood_standard_error": float(values[best].std() / math.sqrt(values.shape[1])),
        "parzen_sigma": tried[best],
    }


def log_densities(x: Tensor, centres: Tensor, sigmas: Sequence[float]) -> Tensor:
    """log p(x) of points (n, D) under the mean of Gaussians around centres (m, D), of each sigma: (sigmas, n)."""
    rows = max(BLOCK // len(centres), 1)
    return torch.cat([_of_block(part, centres, sigmas) for part in torch.split(x, rows)], 1)


def _of_block(x: Tensor, centres: Tensor, sigmas: Sequence[float]) -> Tensor:
    squares = x.square().sum(1, keepdim=True) - 2 * x @ centres.T + centres.square().sum(1)  # (n, m)
    size, count = x.shape[1], len(centres)
    constants = [math.log(count) + size * math.log(sigma * math.sqrt(2 * math.pi)) for sigma in sigmas]
    pairs = zip(sigmas, constants, strict=True)
    return torch.stack([(squares / (-2 * sigma**2)).logsumexp(1) - constant for sigma, constant in pairs])
