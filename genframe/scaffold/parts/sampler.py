"""Samples from where the codes really are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genframe import NonNegative


class MySampler(nn.Module):
    """Decodes draws from a Gaussian that was fitted to the codes of the training data, in place of the prior.

    Codes rarely fill the prior; a density that is estimated after training draws from where the decoder was
    taught (Ghosh et al. 2020, section 4). `ridge` is added to the variances, so that a code that never moved
    does no harm.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, *, ridge: NonNegative = 1e-6) -> None:
        super().__init__()
        self.ridge = ridge
        self.register_buffer("mean", torch.empty(0))
        self.register_buffer("factor", torch.empty(0))

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any) -> None:
        """Mean (latent,) and Cholesky factor (latent, latent) of encode(x) over a split."""
        codes = torch.cat([encode(batch["x"]).flatten(1) for batch in data.batches(500)]).double()
        self.mean = codes.mean(0).float()
        covariance = codes.T.cov().reshape(len(self.mean), -1)
        ridge = self.ridge * torch.eye(len(self.mean), dtype=torch.float64, device=codes.device)
        self.factor = torch.linalg.cholesky(covariance + ridge).float()

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws (n, ...)."""
        epsilon = torch.randn(n, len(self.mean), device=self.mean.device)
        return decode(self.mean + epsilon @ self.factor.T)
