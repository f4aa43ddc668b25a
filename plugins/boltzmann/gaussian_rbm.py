"""The Gaussian-Bernoulli restricted Boltzmann machine: real visible units, binary hidden ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from genframe import Count, DiagonalGaussian, Positive, Shape

from .rbm import RBM, level_for


class GaussianRBM(RBM):
    """p(v) = sum_h exp(-E(v, h)) / Z over real v and binary h (Cho, Ilin & Raiko 2011, eq. 3).

        E(v, h) = sum_i (v_i - b_i)^2 / (2 sigma_i^2) - c.h - sum_ij v_i / sigma_i^2 W_ij h_j

    so that P(h_j = 1 | v) = sigmoid(c + W'(v / sigma^2))_j and p(v | h) = N(b + W h, sigma^2): a mixture of 2^hidden
    Gaussians. One `sigma` at first, for standardised data; `learned` trains one for each value. The other options
    are those of `rbm`.
    """

    log_sigma: Tensor  # (visible,)
    support: constraints.Constraint = constraints.real

    def __init__(
        self,
        data_shape: Shape,
        *,
        hidden: Count = 500,
        dim: Count | None = None,
        hidden_bias: float = 0.0,
        sigma: Positive = 1.0,
        learned: bool = False,
        chains: Count = 100,
        sweeps: Count = 200,
        temperatures: Count = 1000,
    ) -> None:
        super().__init__(
            data_shape,
            hidden=hidden,
            dim=dim,
            hidden_bias=hidden_bias,
            chains=chains,
            sweeps=sweeps,
            temperatures=temperatures,
        )
        log_sigma = torch.full((self.sizes[0],), math.log(sigma))
        if learned:
            self.log_sigma = nn.Parameter(log_sigma)
        else:
            self.register_buffer("log_sigma", log_sigma, persistent=False)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        mean = self.visible_bias + h @ self.weight.T
        raised = (mean.square() - self.visible_bias.square()) / (2 * self._variance)
        return -(h * self.hidden_bias).sum(-1) - raised.sum(-1) - self._log_volume

    @torch.no_grad()
    def denoised(self, v: Tensor, level: Tensor | float, k: int) -> Tensor:
        """The mean of the clean values given some with Gaussian noise of std `level`, over k sweeps after k others."""
        seen, own = self._flat(v), 1 / self._variance
        precision = level_for(level, seen).clamp(min=1e-6) ** -2
        total, state = torch.zeros_like(seen), seen
        for sweep in range(2 * k):
            h = torch.bernoulli(torch.sigmoid(self._gain(state)))
            field = self.visible_bias + h @ self.weight.T
            mean, spread = (own * field + precision * seen) / (own + precision), (own + precision) ** -0.5
            state = torch.addcmul(mean, spread, torch.randn_like(mean))
            total += mean if sweep >= k else 0
        return self._shaped(total / k)

    def unmasked(self, v: Tensor, level: Tensor | float, k: int) -> Tensor:
        """The same of masking noise: what is not exactly 0 is held. Of real values few are 0 by themselves."""
        return self.completed(v, (v != 0).to(v), k)

    def unsalted(self, v: Tensor, level: Tensor | float, k: int) -> Tensor:
        """The same of salt-and-pepper noise on values in [0, 1]: what is neither 0 nor 1 is held."""
        return self.completed(v, ((v > 0) & (v < 1)).to(v), k)

    @torch.no_grad()
    def completed(self, v: Tensor, mask: Tensor, k: int) -> Tensor:
        """The mean of what `mask` does not hold given what it holds, over k sweeps after k others."""
        given, total, state = self._given(v, mask), torch.zeros_like(v), v
        for sweep in range(2 * k):
            mean, state = given(self.visible(self.hidden(state).sample()))
            total += mean if sweep >= k else 0
        return torch.where(mask > 0, v, total / k)

    @property
    def _variance(self) -> Tensor:
        return (2 * self.log_sigma).exp()

    @property
    def _log_volume(self) -> Tensor:
        """log of the integral of exp(-(v - b)^2 / (2 sigma^2))."""
        return self.log_sigma.sum() + 0.5 * self.sizes[0] * math.log(2 * math.pi)

    def _started(self, n: int) -> Tensor:
        return torch.randn(n, self.sizes[0])

    def _visible_energy(self, flat: Tensor) -> Tensor:
        return ((flat - self.visible_bias).square() / (2 * self._variance)).sum(-1)

    def _scaled(self, flat: Tensor) -> Tensor:
        return flat / self._variance

    def _visible_law(self, field: Tensor) -> Distribution:
        mean = self._shaped(field)
        sigma = self.log_sigma.exp().reshape(self.event_shape)
        return DiagonalGaussian(mean, sigma, event_ndim=len(self.event_shape))

    def _base(self, x: Tensor | None) -> Tensor:
        """This machine's own biases: Gaussians of other means would not anneal as one exponential family."""
        return self.visible_bias

    def _base_log_z(self, base: Tensor) -> Tensor:
        return self.sizes[1] * math.log(2) + self._log_volume

    def _slope(self, flat: Tensor, base: Tensor) -> Tensor:
        return flat.new_zeros(flat.shape[:-1])
