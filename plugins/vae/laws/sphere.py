"""Laws on the unit sphere: that of von Mises and Fisher, and the uniform one. Densities are per unit of area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.nn import functional as F

from .bessel import log_bessel
from .tilt import draw_tilt


class _Sphere(constraints.Constraint):
    """Vectors of length one, to within the rounding of single precision."""

    event_dim = 1
    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        near: Tensor = (torch.linalg.vector_norm(value, dim=-1) - 1).abs() < 1e-4
        return near


sphere = _Sphere()
"""torch's constraint of unit vectors; the `support` of the laws here."""


class _OnSphere(Distribution):
    """Vectors (..., n) of length one, n >= 2."""

    arg_constraints = {}
    support = sphere

    @property
    def size(self) -> int:
        """n, the numbers in a vector."""
        return self.event_shape[0]


class UniformOnSphere(_OnSphere):
    """The uniform law on the unit sphere of R^size: log p = -log(2 pi^(n/2) / Gamma(n/2))."""

    has_rsample = False

    def __init__(self, place: Tensor) -> None:
        """place: any vector (size,), which says type and device."""
        self._place = place
        super().__init__(torch.Size(), place.shape, validate_args=False)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Normal vectors by their length: (*sample_shape, size)."""
        drawn = torch.randn((*sample_shape, self.size), dtype=self._place.dtype, device=self._place.device)
        return F.normalize(drawn, dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (..., size) of length one -> (...)."""
        return value.new_full(value.shape[:-1], -log_area(self.size))

    def entropy(self) -> Tensor:
        """(), in nats."""
        return self._place.new_tensor(log_area(self.size))


class VonMisesFisher(_OnSphere):
    """p(z) = C_n(kappa) exp(kappa mu.z) on the unit sphere of R^n (Davidson et al. 2018, eq. 3).

    mu: (leading ..., n), of length one. kappa > 0: (leading ...). `mean` lies within the sphere, `mode` is mu.
    """

    has_rsample = True

    def __init__(self, mu: Tensor, kappa: Tensor) -> None:
        self.mu, self.kappa = mu, kappa
        super().__init__(mu.shape[:-1], mu.shape[-1:], validate_args=False)

    @property
    def mode(self) -> Tensor:
        return self.mu

    @property
    def centre(self) -> Tensor:
        return self.mu

    @property
    def mean(self) -> Tensor:
        return self.mu * self._normaliser()[1].to(self.mu.dtype).unsqueeze(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, leading ..., n), differentiable in mu and kappa.

        z = H (w, sqrt(1 - w^2) v): w = mu.z by Wood's rejection sampler, v uniform on the tangent sphere, H the
        reflection that takes an axis to mu. The gradient of w is that of its distribution function (`draw_tilt`).
        """
        shape = (*sample_shape, *self.batch_shape)
        tilt = draw_tilt(self.kappa.double().expand(shape), self.size).unsqueeze(-1)  # (..., 1)
        mu = self.mu.double().expand(*shape, self.size)
        tangent = torch.randn(*shape, self.size - 1, dtype=mu.dtype, device=mu.device)
        tangent = F.normalize(tangent, dim=-1)
        # The axis on the other side from mu: the reflection is then smooth in mu, and divides by 1 to 2.
        side = torch.where(mu[..., :1] > 0, -1.0, 1.0)
        upright = torch.cat([side * tilt, (1 - tilt.square()).clamp(min=1e-30).sqrt() * tangent], -1)
        normal = torch.cat([side - mu[..., :1], -mu[..., 1:]], -1)
        scale = (normal * upright).sum(-1, keepdim=True) / (1 + mu[..., :1].abs())
        return (upright - scale * normal).to(self.mu.dtype)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., n) of length one -> (samples ..., batch ...)."""
        inner = (self.mu.double() * value.double()).sum(-1)
        return (self.kappa * inner + self._normaliser()[0]).to(self.mu.dtype)

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        log_c, ratio = self._normaliser()
        return -(log_c + self.kappa * ratio).to(self.mu.dtype)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> VonMisesFisher:
        """The same law for a batch of this shape."""
        return VonMisesFisher(self.mu.expand(*batch_shape, self.size), self.kappa.expand(*batch_shape))

    def _normaliser(self) -> tuple[Tensor, Tensor]:
        """log C_n(kappa) = v log kappa - (v + 1) log 2 pi - log I_v(kappa), v = n/2 - 1; and I_{v+1} / I_v."""
        order = self.size / 2 - 1
        log_i, ratio = log_bessel(order, self.kappa)
        return order * self.kappa.double().log() - (order + 1) * math.log(2 * math.pi) - log_i, ratio


def log_area(size: int) -> float:
    """log of the area of the unit sphere in R^size."""
    return math.log(2) + 0.5 * size * math.log(math.pi) - math.lgamma(size / 2)


def _kl_to_uniform(q: VonMisesFisher, p: UniformOnSphere) -> Tensor:
    """kappa I_{v+1}/I_v + log C_n(kappa) + log area (Davidson et al. 2018, eq. 5)."""
    return log_area(q.size) - q.entropy()


def _refuse(q: Distribution, p: Distribution) -> NoReturn:
    """Of laws that live on different sets there is no KL; of two laws on the sphere torch knows none."""
    if _support(q) is sphere and _support(p) is sphere:
        raise NotImplementedError
    on, off = ("q(z|x)", "p(z)") if _support(q) is sphere else ("p(z)", "q(z|x)")
    raise ValueError(
        f"{on} lives on the unit sphere, where {off} ({type(p if off == 'p(z)' else q).__name__}) has no density: "
        "take the posterior `von-mises-fisher` and the prior `sphere` together, or neither"
    )


def _support(law: Distribution) -> Any:
    try:
        return law.support
    except NotImplementedError:
        return None


for _pair, _kl in {
    (VonMisesFisher, UniformOnSphere): _kl_to_uniform,
    (VonMisesFisher, Distribution): _refuse,
    (Distribution, UniformOnSphere): _refuse,
}.items():
    register_kl(*_pair)(_kl)  # type: ignore[no-untyped-call]
