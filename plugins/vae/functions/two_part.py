"""Codes that are told for certain: their length, and how evenly they are used."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution


def two_part_code(x: Tensor, code: Tensor, p_z: Distribution, p_x: Distribution) -> tuple[Tensor, Tensor]:
    """-log p(code) and -log p(x|code) of each x (batch, ...), whose one code is given: two tensors (batch,), in nats.

    Minus their sum bounds log p(x), as x might be told by other codes too: the bound of a VQ-VAE with a prior.
    """
    return -p_z.log_prob(code), -p_x.log_prob(x)


def perplexity(code: Tensor) -> Tensor:
    """How many codes are in use, 0-dim: exp of the entropy of the mean of one-hot codes (..., classes).

    From 1, where all are the same code, to the number of classes, where all are used alike. As a term of weight 0 it
    stands in a run's metrics.
    """
    use = code.detach().abs().flatten(0, -2).mean(0)
    found: Tensor = torch.special.entr(use / use.sum()).sum().exp()
    return found
