"""Samples from where the codes really are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from genframe import Positive
from torch import Tensor, nn


class MySampler(nn.Module):
    """Decodes draws from a Gaussian that was fitted to the codes of the training data, in place of the prior.

    Codes rarely fill the prior; a density that is estimated after training draws from where the decoder was
    taught (Ghosh et al. 2020, section 4). `ridge` is added to the variances, so that a code that never moved
    does no harm.
    """

    mean: Tensor  # (latent,)
    factor: Tensor  # (latent, latent), lower triangular

    def __init__(self, *, ridge: Positive = 1e-6) -> None:
        super().__init__()
        self.ridge = ridge
        for name in ("mean", "factor"):
            self.register_buffer(name, None)  # a fit is stored beside the run, and comes back with its shape

    def fit(self, encode: Callable[[Any], Tensor], data: Any) -> None:
        """The mean of encode(x) (batch, latent) over all data, and the Cholesky factor of the covariance."""
        codes = torch.cat([encode(batch).detach() for batch in data.batches(500)]).double()
        covariance = codes.T.cov().reshape(codes.shape[1], -1)
        covariance.diagonal().add_(self.ridge)
        self.mean, self.factor = codes.mean(0).float(), torch.linalg.cholesky(covariance).float()

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws, decoded: (n, ...)."""
        epsilon = torch.randn(n, len(self.mean), device=self.mean.device)
        return decode(self.mean + epsilon @ self.factor.T)
