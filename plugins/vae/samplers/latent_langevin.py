"""Langevin dynamics in latent space, on an energy that was learned by contrast after the fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Positive

from .codes import Whitening, codes_of, decoded, net, trained

ACCEPTANCE = 0.574
"""The share of accepted moves at which Langevin dynamics mix best (Roberts & Rosenthal 1998)."""


class LatentLangevin(nn.Module):
    """Draws codes by Metropolis-adjusted Langevin dynamics on a reweighted Gaussian, and decodes them.

        p(u) = N(u; 0, I) exp(f(u)) / Z                     (Aneja et al. 2021, eq. 2; Pang et al. 2020)
        u <- u + h/2 grad log p(u) + sqrt(h) e,             each move accepted as Metropolis and Hastings have it

    f is the logit of a classifier that tells whitened codes u of the training data from draws of N(0, I) (noise
    contrastive estimation: at its optimum f = log q(u) - log N(u; 0, I)), so that the base is the Gaussian of the
    codes' moments. Each draw is the end of a chain of its own, of `steps` moves from a draw of the base. The step h is
    `step_size` / dim^(1/3), and follows the acceptance during the first half. Of a VAE `encode` is the mean of q(z|x);
    `given: {encode: draw_code}` fits the aggregate posterior.
    """

    def __init__(
        self,
        *,
        steps: Count = 200,
        step_size: Positive = 1.0,
        hidden: tuple[Count, ...] = (128, 128),
        epochs: Count = 60,
        batch_size: Count = 500,
        lr: Positive = 1e-3,
    ) -> None:
        super().__init__()
        self.steps, self.step_size, self.hidden = steps, step_size, tuple(hidden)
        self.epochs, self.batch_size, self.lr = epochs, batch_size, lr
        self.whitening = Whitening()
        self.logit = net(1, self.hidden, 1)  # a fit puts another here, which knows the codes' size

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any, tell: Callable[[str], None]) -> None:
        """Learn to tell the codes of all `data` from the Gaussian of their moments."""
        points = self.whitening.fit(codes_of(encode, data))
        self.logit = net(points.shape[1], self.hidden, 1).to(points.device)
        sizes = {"epochs": self.epochs, "batch_size": self.batch_size}
        trained(self.logit, self._contrast, points, lr=self.lr, tell=tell, **sizes)

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws, each of a chain of its own, decoded: (n, ...)."""
        dim = self.whitening.dim
        u = torch.randn(n, dim, device=self.whitening.mean.device)
        size = self.step_size / dim ** (1 / 3)
        log_p, slope = self._target(u)
        for step in range(self.steps):
            moved = u + 0.5 * size * slope + size**0.5 * torch.randn_like(u)
            new_log_p, new_slope = self._target(moved)
            there = -(moved - u - 0.5 * size * slope).square().sum(1) / (2 * size)
            back = -(u - moved - 0.5 * size * new_slope).square().sum(1) / (2 * size)
            odds = (new_log_p - log_p + back - there).exp().clamp(max=1)  # (n,)
            accepted = torch.rand_like(odds) < odds
            u = torch.where(accepted[:, None], moved, u)
            log_p = torch.where(accepted, new_log_p, log_p)
            slope = torch.where(accepted[:, None], new_slope, slope)
            if 2 * step < self.steps:
                size *= float((0.1 * (odds.mean() - ACCEPTANCE)).exp())
        return decoded(decode, self.whitening.codes(u))

    def _contrast(self, points: Tensor) -> Tensor:
        base = torch.randn_like(points)
        return F.softplus(-self.logit(points)).mean() + F.softplus(self.logit(base)).mean()

    def _target(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """log p(u) up to a constant (n,), and its gradient (n, dim)."""
        with torch.enable_grad():
            at = u.detach().requires_grad_()
            log_p = self.logit(at).squeeze(1) - 0.5 * at.square().sum(1)
            (slope,) = torch.autograd.grad(log_p.sum(), at)
        return log_p.detach(), slope
