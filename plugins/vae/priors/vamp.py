"""VampPrior: the posterior's own mixture, over pseudo-inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from genframe import Count, NonNegative, Shape

from ..laws.mixture import EqualMixture, GaussianMixture, mixture_of


class VampPrior(nn.Module):
    """p(z) = 1/K sum_k q(z|u_k) over vectors of `dim`, with K = `components` learned inputs u_k.

    Tomczak & Welling 2018, eq. 9. The u_k go through the recipe's encoder and posterior, in the mode that these are in
    (whose batch norm therefore treats them as it treats data). Of pictures the u_k are cut to [0, 1], and start as
    draws of N(mean, std^2): in the middle of that range, since where they are cut no gradient moves them. (The paper's
    code starts them at -0.05 with std 0.01, all of them cut.) Each sample is of a component drawn by lot.
    """

    def __init__(
        self,
        data_shape: Shape,
        *,
        dim: Count,
        components: Count = 500,
        mean: float = 0.4,
        std: NonNegative = 0.2,
    ) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.picture = len(data_shape) == 3
        self.inputs = nn.Parameter(mean + std * torch.randn(components, *data_shape))

    def forward(
        self, encoder: Callable[[Tensor], Tensor], posterior: Callable[[Tensor], Distribution]
    ) -> GaussianMixture | EqualMixture:
        inputs = F.hardtanh(self.inputs, 0.0, 1.0) if self.picture else self.inputs
        return mixture_of(posterior(encoder(inputs)))
