"""The Gaussian-Bernoulli machine of pictures in a basis of cosines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from genframe import Count, DiagonalGaussian, Positive, Shape

from .gaussian_rbm import GaussianRBM

FALL = 1.7
"""Natural pictures: deviations of coefficients fall about as (1 + frequency)^-1.7 (8x8 patches of CIFAR-10)."""


class CosineRBM(GaussianRBM):
    """A Gaussian-Bernoulli machine of the cosine coefficients u of pictures v, each channel by itself.

        v = 1/2 + C'u,        C orthonormal (DCT-II),        u ~ p(u) of `gaussian-rbm`, a sigma for each coefficient

    Neighbouring pixels are so alike that a machine whose P(v|h) has independent pixels spends its hidden units on
    brightness; cosines are all but uncorrelated, and their noise is as that of pixels, since C keeps lengths. Densities
    are of pixels: |det C| = 1. For pictures in [0, 1], small ones: 8x8 say, of which `tiles` makes larger ones.

    `sigma`: of the mean of a picture at first, and lower for higher frequencies; all are trained. `hidden_bias` of -2:
    units that are seldom on, since those that are always half on add nothing to a Gaussian. The others are those of
    `gaussian-rbm`. Raises ValueError for what are no pictures.
    """

    across: Tensor  # (width, width)
    down: Tensor  # (height, height)

    def __init__(
        self,
        data_shape: Shape,
        *,
        hidden: Count = 256,
        hidden_bias: float = -2.0,
        sigma: Positive = 1.0,
        chains: Count = 100,
        sweeps: Count = 200,
        temperatures: Count = 1000,
    ) -> None:
        if len(data_shape) != 3:
            raise ValueError(f"cosine-rbm takes pictures (channels, height, width), not {tuple(data_shape)}")
        super().__init__(
            data_shape,
            hidden=hidden,
            hidden_bias=hidden_bias,
            sigma=sigma,
            learned=True,
            chains=chains,
            sweeps=sweeps,
            temperatures=temperatures,
        )
        channels, height, width = data_shape
        frequency = torch.hypot(torch.arange(height)[:, None].float(), torch.arange(width).float())
        with torch.no_grad():
            self.log_sigma -= FALL * (1 + frequency).log().flatten().repeat(channels)
        self.register_buffer("down", cosines(height), persistent=False)
        self.register_buffer("across", cosines(width), persistent=False)

    def filters(self) -> Tensor:
        """What each hidden unit adds to the mean of the pixels: (hidden, *event)."""
        return self.down.T @ super().filters() @ self.across

    def _started(self, n: int) -> Tensor:
        return torch.rand(n, 1).expand(n, self.sizes[0]).clone()  # grey areas

    def _flat(self, v: Tensor) -> Tensor:
        """The coefficients (..., visible) of v (..., *event)."""
        return (self.down @ (v - 0.5) @ self.across.T).flatten(-3)

    def _shaped(self, flat: Tensor) -> Tensor:
        return self.down.T @ super()._shaped(flat) @ self.across + 0.5

    def _visible_law(self, field: Tensor) -> Distribution:
        return _InCosines(DiagonalGaussian(field, self.log_sigma.exp()), self)

    def _given(self, v: Tensor, mask: Tensor) -> Callable[[Distribution], tuple[Tensor, Tensor]]:
        """As of other machines, where pixels given h depend on each other: x + S M (M S M)^-1 M (v - x).

        x is their mean, or a draw (Matheron's rule). Solved once: as many equations as pixels for each example.
        """
        kept = (mask > 0).expand_as(v).flatten(-3).to(torch.float64)  # (..., pixels)
        S = self._covariance()
        inner = kept.unsqueeze(-1) * S * kept.unsqueeze(-2) + torch.diag_embed(1 - kept)
        gain = torch.linalg.solve(inner, kept.unsqueeze(-1) * S).to(v)  # (..., pixels, pixels)

        def corrected(x: Tensor) -> Tensor:
            error = (kept.to(v) * (v - x).flatten(-3)).unsqueeze(-2)
            return torch.where(mask > 0, v, x + (error @ gain).squeeze(-2).reshape(x.shape))

        return lambda law: (corrected(law.mean), corrected(law.sample()))

    def _covariance(self) -> Tensor:
        """That of the pixels of v given h: (pixels, pixels), float64."""
        root = torch.diag(self.log_sigma.detach().double().exp())
        basis = self.down.T.double() @ super()._shaped(root) @ self.across.double()
        turned = basis.flatten(1)  # row k: sigma_k times cosine k
        return turned.T @ turned


class _InCosines(Distribution):
    """Pictures whose coefficients have a law."""

    arg_constraints = {}
    has_rsample = True
    _validate_args = False

    def __init__(self, law: DiagonalGaussian, machine: CosineRBM) -> None:
        super().__init__(law.batch_shape, torch.Size(machine.event_shape), validate_args=False)
        self.law, self.machine = law, machine

    @property
    def support(self) -> constraints.Constraint:
        return constraints.independent(constraints.real, 3)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        return self.machine._shaped(self.law.mean)

    @property
    def variance(self) -> Tensor:
        return (
            self.machine._covariance()
            .diagonal()
            .reshape(self.event_shape)
            .to(self.law.mean)
            .expand_as(self.mean)
        )

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.machine._shaped(self.law.rsample(sample_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.machine._shaped(self.law.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        return self.law.log_prob(self.machine._flat(value))


def cosines(n: int) -> Tensor:
    """The orthonormal DCT-II: row k is cos(pi (i + 1/2) k / n) by sqrt(2 / n), and row 0 by sqrt(1 / n): (n, n)."""
    k, i = torch.arange(n, dtype=torch.float64)[:, None], torch.arange(n, dtype=torch.float64) + 0.5
    rows = torch.cos(math.pi / n * k * i) * math.sqrt(2 / n)
    rows[0] /= math.sqrt(2)
    return rows.float()
