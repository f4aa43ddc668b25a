"""Relaxed discrete laws: samples between the corners, through which gradients pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from genframe import Bernoulli, OneHotCategorical

CORNER = 1e-6
"""How near to 0 and 1 a relaxed value is taken for its place in log space, where that was not kept."""


def logistic_noise(like: Tensor, shape: Sequence[int]) -> Tensor:
    """log u - log(1 - u) of uniform u, kept away from 0 and 1: finite whatever u is."""
    u = torch.rand(tuple(shape), dtype=like.dtype, device=like.device)
    eps = torch.finfo(u.dtype).eps
    return torch.logit(u, eps)


def gumbel_noise(like: Tensor, shape: Sequence[int]) -> Tensor:
    """-log(-log u) of uniform u, kept away from 0 and 1: finite whatever u is."""
    u = torch.rand(tuple(shape), dtype=like.dtype, device=like.device)
    eps = torch.finfo(u.dtype).eps
    return -(-u.clamp(eps, 1 - eps).log()).log()


class RelaxedBernoulli(Bernoulli):
    """Bits whose `rsample` is their binary Concrete relaxation: sigmoid((logit + logistic noise) / temperature).

    Maddison, Mnih & Teh 2017, appendix B. `sample`, `log_prob` and KL are those of the bits; `log_ratio` of what was
    drawn. hard: `rsample` is rounded, and backwards the relaxed value (straight-through; Jang, Gu & Poole 2017).
    """

    has_rsample = True

    def __init__(
        self, logits: Tensor, *, temperature: float, hard: bool = False, event_ndim: int = 1
    ) -> None:
        super().__init__(logits, event_ndim=event_ndim)
        self.temperature, self.hard = temperature, hard
        self.drawn: tuple[Tensor, Tensor] | None = None

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Values in (0, 1), or bits: (*sample_shape, leading ..., *event)."""
        noise = logistic_noise(self.logits, (*sample_shape, *self.logits.shape))
        place = (self.logits + noise) / self.temperature  # the logit of what is drawn
        soft = place.sigmoid()
        z = (place > 0).to(soft) + (soft - soft.detach()) if self.hard else soft
        self.drawn = z, place
        return z

    def log_ratio(self, z: Tensor, prior: Distribution, temperature: float) -> Tensor:
        """log q(z) - log p(z) of relaxed z under the relaxation of `prior` (bits): (samples ..., batch).

        The densities are those of logit z, so that nothing underflows in the corners; the ratio is the same.
        """
        place = kept(self.drawn, z, lambda: torch.logit(z, CORNER))
        own = _concrete(place, self.logits, self.temperature)
        return self._sum_event(own - _concrete(place, logits_of(prior, Bernoulli), temperature))


class RelaxedOneHot(OneHotCategorical):
    """One-hot vectors whose `rsample` is their Concrete relaxation: softmax((logits + Gumbel noise) / temperature).

    Jang, Gu & Poole 2017, eq. 2; Maddison, Mnih & Teh 2017, eq. 10. The rest as for `RelaxedBernoulli`.
    """

    has_rsample = True

    def __init__(
        self, logits: Tensor, *, temperature: float, hard: bool = False, event_ndim: int = 1
    ) -> None:
        super().__init__(logits, event_ndim=event_ndim)
        self.temperature, self.hard = temperature, hard
        self.drawn: tuple[Tensor, Tensor] | None = None

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Points of the simplex, or its corners: (*sample_shape, leading ..., *event)."""
        noise = gumbel_noise(self.logits, (*sample_shape, *self.logits.shape))
        place = ((self.logits + noise) / self.temperature).log_softmax(-1)  # the logarithm of what is drawn
        soft = place.exp()
        z = soft
        if self.hard:
            corner = F.one_hot(place.argmax(-1), place.shape[-1]).to(soft)
            z = corner + (soft - soft.detach())
        self.drawn = z, place
        return z

    def log_ratio(self, z: Tensor, prior: Distribution, temperature: float) -> Tensor:
        """log q(z) - log p(z) of relaxed z under the relaxation of `prior` (one-hot vectors): (samples ..., batch).

        The densities are those of log z (ExpConcrete; Maddison et al., appendix C.3); the ratio is the same.
        """
        place = kept(self.drawn, z, lambda: z.clamp(min=CORNER).log())
        own = _exp_concrete(place, self.logits, self.temperature)
        return self._sum_variables(
            own - _exp_concrete(place, logits_of(prior, OneHotCategorical), temperature)
        )


def _concrete(place: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """The density of y = (logit + L) / t, L logistic, in logarithms: log t + m - 2 softplus(m), m = logit - t y."""
    scaled = logits - temperature * place
    return math.log(temperature) + scaled - 2 * F.softplus(scaled)


def _exp_concrete(place: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """Maddison et al. 2017, eq. 22, of y = log z (..., classes): (...).

    log (n-1)! + (n-1) log t + sum_k (logit_k - t y_k) - n logsumexp_k (logit_k - t y_k)
    """
    classes = place.shape[-1]
    scaled = logits - temperature * place
    constant = math.lgamma(classes) + (classes - 1) * math.log(temperature)
    return constant + scaled.sum(-1) - classes * scaled.logsumexp(-1)


def kept(drawn: tuple[Tensor, Tensor] | None, z: Tensor, otherwise: Callable[[], Tensor]) -> Tensor:
    """Where z stands in log space: as it was drawn, if it is what was drawn last; else computed."""
    return drawn[1] if drawn is not None and drawn[0] is z else otherwise()


def logits_of(prior: Distribution, wanted: type[Bernoulli] | type[OneHotCategorical]) -> Tensor:
    """The logits of a prior of independent variables. Raises ValueError for another, which has no relaxation."""
    if isinstance(prior, wanted):
        return prior.logits
    raise ValueError(
        f"a relaxed bound needs a prior of independent variables ({wanted.__name__}: bernoulli, categorical), "
        f"not {type(prior).__name__}: take the loss elbo, or another prior"
    )
