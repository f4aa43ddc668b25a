"""A prior resampled after the fact: proposals of a Gaussian, accepted or rejected by a learned function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Ge, Positive

from .codes import Whitening, codes_of, decoded, net, trained

PROPOSALS = 1024
"""By so many draws the mean acceptance Z is estimated in each step: to 3 %, as Bauer & Mnih do (appendix)."""


class Resampled(nn.Module):
    """Draws codes by accept/reject with a learned acceptance a(u), and decodes them.

    Bauer & Mnih 2019, Resampled Priors for Variational Autoencoders, eq. 7: with the proposal pi, and accepting the
    T-th proposal whatever it is,

        p_T(u) = (1 - (1 - Z)^(T-1)) a(u) pi(u) / Z + (1 - Z)^(T-1) pi(u),        Z = E_pi a(u)

    which is fitted by maximum likelihood. There a is learned with the VAE and pi is its prior; here pi is the Gaussian
    of the codes' moments, so that only its shape is left to learn: holes are cut out of it. Of a VAE `encode` is the
    mean of q(z|x); `given: {encode: draw_code}` fits the aggregate posterior. truncate: T, the most proposals a draw
    costs; a law far from pi needs more than 100.
    """

    def __init__(
        self,
        *,
        hidden: tuple[Count, ...] = (128, 128),
        truncate: Annotated[int, Ge(2)] = 100,
        epochs: Count = 60,
        batch_size: Count = 500,
        lr: Positive = 1e-3,
    ) -> None:
        super().__init__()
        self.hidden, self.truncate = tuple(hidden), truncate
        self.epochs, self.batch_size, self.lr = epochs, batch_size, lr
        self.whitening = Whitening()
        self.acceptance = net(1, self.hidden, 1)  # a fit puts another here, which knows the codes' size

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any, tell: Callable[[str], None]) -> None:
        """Maximise the likelihood of the codes of all `data`."""
        points = self.whitening.fit(codes_of(encode, data))
        self.acceptance = net(points.shape[1], self.hidden, 1).to(points.device)
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        trained(self.acceptance, lambda u: -self.log_ratio(u).mean(), points, lr=self.lr, tell=tell, **sizes)

    def log_ratio(self, points: Tensor) -> Tensor:
        """log p_T(u) - log pi(u) of whitened codes (n, dim): (n,)."""
        log_z = F.logsigmoid(self._logits(torch.randn(PROPOSALS, points.shape[1], device=points.device)))
        z = log_z.exp().mean().clamp(1e-6, 1 - 1e-6)
        never = (self.truncate - 1) * torch.log1p(-z)  # log of (1 - Z)^(T-1)
        accepted = F.logsigmoid(self._logits(points)) - z.log() + torch.log(-torch.expm1(never))
        return torch.logaddexp(accepted, never)

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws, decoded: (n, ...)."""
        points = torch.randn(n, self.whitening.dim, device=self.whitening.mean.device)
        open_ = torch.arange(n, device=points.device)
        for _ in range(self.truncate - 1):
            accepted = torch.rand(len(open_), device=points.device) < self._logits(points[open_]).sigmoid()
            open_ = open_[~accepted]
            if not len(open_):
                break
            points[open_] = torch.randn(len(open_), points.shape[1], device=points.device)
        return decoded(decode, self.whitening.codes(points))

    def _logits(self, points: Tensor) -> Tensor:
        logits: Tensor = self.acceptance(points).squeeze(1)
        return logits
