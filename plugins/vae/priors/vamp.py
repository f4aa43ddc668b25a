"""VampPrior: the posterior's own mixture, over pseudo-inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from genframe import Count, NonNegative, Shape

from ..laws.mixture import EqualMixture, GaussianMixture, mixture_of

MARGIN = 0.05
"""How far from 0 and 1 the values of pictures start: no gradient moves those that are cut."""


class VampPrior(nn.Module):
    """p(z) = 1/K sum_k q(z|u_k) over vectors of `dim`, with K = `components` learned inputs u_k.

    Tomczak & Welling 2018, eq. 9. The u_k go through the recipe's encoder and posterior, in the mode that these are in
    (whose batch norm therefore treats them as it treats data). Of pictures the u_k are cut to [0, 1]; where they are
    cut no gradient moves them. start: `data`, training examples at equal distances in their order, pictures moved by
    `MARGIN` away from 0 and 1: components are then apart from the first step on, as they are not if all inputs are
    noise of one law. `noise`: draws of N(mean, std^2). (The paper's code can do either, and its noise, -0.05 with std
    0.01, is all cut.) Each sample is of a component drawn by lot.
    """

    def __init__(
        self,
        data_shape: Shape,
        *,
        dim: Count,
        components: Count = 500,
        start: Literal["data", "noise"] = "data",
        mean: float = 0.4,
        std: NonNegative = 0.2,
    ) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.picture, self.start = len(data_shape) == 3, start
        self.inputs = nn.Parameter(mean + std * torch.randn(components, *data_shape))

    def begin_from(self, data: Any) -> None:
        """Before the first step of a run: see `start`. Fewer examples than components are taken again in turn."""
        if self.start == "noise":
            return
        wanted = torch.linspace(0, len(data) - 1, len(self.inputs)).round().long()
        position = 0
        with torch.no_grad():
            for batch in data.batches(1000):
                x = batch["x"]
                here = ((wanted >= position) & (wanted < position + len(x))).nonzero().flatten()
                chosen = x[(wanted[here] - position).to(x.device)].to(self.inputs)
                self.inputs[here.to(self.inputs.device)] = chosen
                position += len(x)
            if self.picture:
                self.inputs.clamp_(MARGIN, 1 - MARGIN)

    def forward(
        self, encoder: Callable[[Tensor], Tensor], posterior: Callable[[Tensor], Distribution]
    ) -> GaussianMixture | EqualMixture:
        inputs = F.hardtanh(self.inputs, 0.0, 1.0) if self.picture else self.inputs
        return mixture_of(posterior(encoder(inputs)))
