"""Lean distributions for wires: event-shaped, without argument checks, in single precision or better.

They are `torch.distributions.Distribution`s, and torch's own (`Independent(Normal(...), 1)`) may stand where
these do. Leading dimensions (samples, batch) stand in front of the event; `log_prob` sums over the event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_HALF_LOG_2PI_E = _HALF_LOG_2PI + 0.5


class _Lean(Distribution):
    """What all share: shapes read from a tensor (leading ..., *event) when asked for."""

    arg_constraints = {}
    _validate_args = False
    event_ndim: int
    _numbers: constraints.Constraint = constraints.real
    """The support of one number, or of what it is `event_dim` numbers of."""

    @property
    def support(self) -> Any:
        return constraints.independent(self._numbers, self.event_ndim - self._numbers.event_dim)  # type: ignore[no-untyped-call]

    @property
    def _parameter(self) -> Tensor:
        raise NotImplementedError

    @property
    def batch_shape(self) -> torch.Size:
        shape = self._parameter.shape
        return shape[: len(shape) - self.event_ndim]

    @property
    def event_shape(self) -> torch.Size:
        shape = self._parameter.shape
        return shape[len(shape) - self.event_ndim :]

    def _sum_event(self, value: Tensor) -> Tensor:
        return value.flatten(value.ndim - self.event_ndim).sum(-1) if self.event_ndim else value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch {tuple(self.batch_shape)}, event {tuple(self.event_shape)})"


class DiagonalGaussian(_Lean):
    """N(mean, diag(std^2)); the last `event_ndim` dimensions are the event.

    mean: (leading ..., *event). std > 0: a tensor that broadcasts to it, such as a 0-dim one. `standard` says
    that mean and std are zeros and ones, which spares half of a KL's work.
    """

    has_rsample = True

    def __init__(self, mean: Tensor, std: Tensor, *, event_ndim: int = 1, standard: bool = False) -> None:
        self._mean, self._std, self.event_ndim = _widened(mean), _widened(std), event_ndim
        self.standard = standard

    @property
    def _parameter(self) -> Tensor:
        return self._mean

    @property
    def mean(self) -> Tensor:
        return self._mean

    @property
    def mode(self) -> Tensor:
        return self._mean

    @property
    def stddev(self) -> Tensor:
        return self._std.expand_as(self._mean)

    @property
    def variance(self) -> Tensor:
        return self.stddev.square()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """mean + std * epsilon: (*sample_shape, leading ..., *event), differentiable."""
        mean = self._mean
        epsilon = torch.randn((*sample_shape, *mean.shape), dtype=mean.dtype, device=mean.device)
        return torch.addcmul(mean, self._std, epsilon)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event) -> (samples ..., batch ...)."""
        standardised = (value - self._mean) / self._std
        density = self._sum_event(-0.5 * standardised.square() - self._std.log())
        return density - _HALF_LOG_2PI * math.prod(self.event_shape)

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        return self._sum_event(self.stddev.log()) + _HALF_LOG_2PI_E * math.prod(self.event_shape)

    def kl_terms(self, other: DiagonalGaussian) -> Tensor:
        """KL(self || other) of each dimension, not summed: (leading ..., *event)."""
        if other.standard:
            squares = torch.addcmul(self._mean * self._mean, self._std, self._std)
            return 0.5 * (squares - 1) - self._std.log()
        ratio = self._std / other._std
        distance = (self._mean - other._mean) / other._std
        return 0.5 * (torch.addcmul(distance * distance, ratio, ratio) - 1) - ratio.log()

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> Self:
        shape = (*batch_shape, *self.event_shape)
        mean, std = self._mean.expand(shape), self.stddev.expand(shape)
        return type(self)(mean, std, event_ndim=self.event_ndim, standard=self.standard)


class Bernoulli(_Lean):
    """Independent Bernoulli variables over an event; `mean` is the picture that a decoder's logits draw.

    logits: (leading ..., *event), the last `event_ndim` dimensions being the event.
    """

    has_enumerate_support = False
    _numbers = constraints.boolean

    def __init__(self, logits: Tensor, *, event_ndim: int = 1) -> None:
        self.logits, self.event_ndim = _widened(logits), event_ndim

    @property
    def _parameter(self) -> Tensor:
        return self.logits

    @property
    def probs(self) -> Tensor:
        return self.logits.sigmoid()

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    @property
    def mode(self) -> Tensor:
        return (self.logits > 0).to(self.logits)

    @property
    def variance(self) -> Tensor:
        probs = self.probs
        return probs * (1 - probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Zeros and ones: (*sample_shape, leading ..., *event)."""
        with torch.no_grad():
            return torch.bernoulli(self.probs.expand(*sample_shape, *self.logits.shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event) in [0, 1] -> (samples ..., batch ...).

        Of grey values it is minus the cross-entropy, not a density. The value may lack the leading sample
        dimensions of the logits.
        """
        logits, value = self._flat(self.logits), self._flat(value).to(self.logits.dtype)
        if value.shape == logits.shape:
            return -F.binary_cross_entropy_with_logits(logits, value, reduction="none").sum(-1)
        # Many samples against one x: sum_i x_i l_i - log(1 + e^{l_i}) takes a quarter of the time, because the
        # value is never spread out to the logits' size.
        inner: Tensor = torch.linalg.vecdot(value, logits)
        return inner - F.softplus(logits).sum(-1)

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        return self._sum_event(F.softplus(self.logits) - self.logits * self.probs)

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> Self:
        return type(self)(self.logits.expand(*batch_shape, *self.event_shape), event_ndim=self.event_ndim)

    def _flat(self, tensor: Tensor) -> Tensor:
        return tensor.flatten(tensor.ndim - self.event_ndim) if self.event_ndim else tensor.unsqueeze(-1)


class OneHotCategorical(_Lean):
    """Independent categorical variables as one-hot vectors: an event (..., classes), classes last.

    logits: (leading ..., *event), the last `event_ndim` dimensions being the event; they need no normalisation.
    """

    has_enumerate_support = False
    _numbers = constraints.one_hot

    def __init__(self, logits: Tensor, *, event_ndim: int = 1) -> None:
        self.logits, self.event_ndim = _widened(logits), event_ndim

    @property
    def _parameter(self) -> Tensor:
        return self.logits

    @property
    def probs(self) -> Tensor:
        return self.logits.softmax(-1)

    @property
    def mean(self) -> Tensor:
        return self.logits.softmax(-1)

    @property
    def mode(self) -> Tensor:
        return F.one_hot(self.logits.argmax(-1), self.logits.shape[-1]).to(self.logits)

    @property
    def variance(self) -> Tensor:
        probs = self.probs
        return probs * (1 - probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """One-hot vectors: (*sample_shape, leading ..., *event), without gradient."""
        with torch.no_grad():
            logits = self.logits.expand(*sample_shape, *self.logits.shape)
            # The largest of logits with Gumbel noise -log E has the law (Gumbel 1954); E > 0 by a guard.
            waits = torch.empty_like(logits, memory_format=torch.contiguous_format).exponential_()
            drawn = (logits - waits.clamp_(min=torch.finfo(waits.dtype).tiny).log_()).argmax(-1, keepdim=True)
            return torch.zeros_like(waits).scatter_(-1, drawn, 1.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., *event), one-hot -> (samples ..., batch ...)."""
        inner = torch.linalg.vecdot(value.to(self.logits.dtype), self.logits.log_softmax(-1))
        return self._sum_variables(inner)

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        logs = self.logits.log_softmax(-1)
        return -self._sum_variables((logs.exp() * logs).sum(-1))

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> Self:
        return type(self)(self.logits.expand(*batch_shape, *self.event_shape), event_ndim=self.event_ndim)

    def _sum_variables(self, value: Tensor) -> Tensor:
        """A number for each variable, summed over them."""
        variables = self.event_ndim - 1
        return value.flatten(value.ndim - variables).sum(-1) if variables else value


def _kl_gaussians(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    return q._sum_event(q.kl_terms(p))


def _kl_bernoullis(q: Bernoulli, p: Bernoulli) -> Tensor:
    return q._sum_event(q.probs * (q.logits - p.logits) - F.softplus(q.logits) + F.softplus(p.logits))


def _kl_one_hots(q: OneHotCategorical, p: OneHotCategorical) -> Tensor:
    logs = q.logits.log_softmax(-1)
    return q._sum_variables((logs.exp() * (logs - p.logits.log_softmax(-1))).sum(-1))


def _widened(parameter: Tensor) -> Tensor:
    """Single precision for the half-precision results of nets under autocast; wider ones stay as they are."""
    return parameter.float() if parameter.dtype in (torch.bfloat16, torch.float16) else parameter


# torch leaves register_kl untyped, so that it cannot stand as a decorator under mypy --strict.
register_kl(DiagonalGaussian, DiagonalGaussian)(_kl_gaussians)  # type: ignore[no-untyped-call]
register_kl(Bernoulli, Bernoulli)(_kl_bernoullis)  # type: ignore[no-untyped-call]
register_kl(OneHotCategorical, OneHotCategorical)(_kl_one_hots)  # type: ignore[no-untyped-call]
