"""Ex-post density estimation by a flow: a RealNVP fitted to the codes of a trained autoencoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genframe import Count, Positive

from .codes import Whitening, codes_of, decoded, net, trained


class FlowSampler(nn.Module):
    """Draws codes from a RealNVP fitted to those of the training data, and decodes them.

        u' = b u + (1 - b) (u exp(s(b u)) + t(b u))         (Dinh et al. 2017, eq. 9), b a mask of zeros and ones

    on whitened codes u, by maximum likelihood; s lies in [-2, 2]. A flow begins as the Gaussian of the codes' moments,
    and is at its best where a mixture would need too many components. One value alone has nothing to be coupled to:
    codes of one number want `mixture`. Of a VAE `encode` is the mean of q(z|x); `given: {encode: draw_code}` fits the
    aggregate posterior. 8 couplings of 2 x 128 units are enough for some tens of dimensions, and take about a
    minute for 60,000 codes.
    """

    def __init__(
        self,
        *,
        couplings: Count = 8,
        hidden: tuple[Count, ...] = (128, 128),
        epochs: Count = 60,
        batch_size: Count = 500,
        lr: Positive = 1e-3,
    ) -> None:
        super().__init__()
        self.couplings, self.hidden = couplings, tuple(hidden)
        self.epochs, self.batch_size, self.lr = epochs, batch_size, lr
        self.whitening = Whitening()
        self.nets = self._nets(1)  # a fit puts others here, which know the codes' size

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any, tell: Callable[[str], None]) -> None:
        """Maximise the likelihood of the codes of all `data`."""
        points = self.whitening.fit(codes_of(encode, data))
        self.nets = self._nets(points.shape[1]).to(points.device)
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        trained(self.nets, lambda rows: -self.log_prob(rows).mean(), points, lr=self.lr, tell=tell, **sizes)

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws of the flow, decoded: (n, ...)."""
        u = torch.randn(n, self.whitening.dim, device=self.whitening.mean.device)
        for place in reversed(range(self.couplings)):
            free, scale, shift = self._coupling(place, u)
            u = torch.where(free, (u - shift) * (-scale).exp(), u)
        return decoded(decode, self.whitening.codes(u))

    def log_prob(self, points: Tensor) -> Tensor:
        """Of whitened codes (n, dim): (n,), in nats."""
        u, log_det = points, torch.zeros(len(points), device=points.device)
        for place in range(self.couplings):
            free, scale, shift = self._coupling(place, u)
            u = torch.where(free, u * scale.exp() + shift, u)
            log_det = log_det + (scale * free).sum(1)
        density: Tensor = -0.5 * (u.square() + math.log(2 * math.pi)).sum(1) + log_det
        return density

    def _coupling(self, place: int, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What a coupling moves (dim,), and the log-scales and shifts (n, dim) that the rest gives it."""
        index = torch.arange(u.shape[1], device=u.device)
        pattern = index % 2 == 0 if place % 4 < 2 else index < u.shape[1] / 2
        free = pattern if place % 2 == 0 else ~pattern
        raw, shift = self.nets[place](torch.where(free, 0.0, u)).chunk(2, 1)
        return free, 2 * torch.tanh(raw / 2), shift

    def _nets(self, dim: int) -> nn.ModuleList:
        return nn.ModuleList(net(dim, self.hidden, 2 * dim) for _ in range(self.couplings))
