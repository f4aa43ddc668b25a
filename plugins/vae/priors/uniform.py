"""The uniform prior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints, register_kl

from genframe import Count, Positive, Shape


class UniformBox(Distribution):
    """Independent uniform variables on [-bound, bound]; `like` is a vector of their number, type and device."""

    arg_constraints = {}
    has_rsample = False

    def __init__(self, like: Tensor, bound: float) -> None:
        self.like, self.bound = like, bound
        super().__init__(torch.Size(), like.shape, validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.interval(-self.bound, self.bound), 1)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        return torch.zeros_like(self.like)

    @property
    def variance(self) -> Tensor:
        return torch.full_like(self.like, self.bound**2 / 3)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, *event)."""
        shape = (*sample_shape, *self.like.shape)
        return torch.empty(shape, dtype=self.like.dtype, device=self.like.device).uniform_(
            -self.bound, self.bound
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """value (..., *event) -> (...); minus infinity outside of the box."""
        inside = (value.abs() <= self.bound).all(-1)
        density = -len(self.like) * math.log(2 * self.bound)
        return torch.where(inside, density, -math.inf).to(value.dtype)

    def entropy(self) -> Tensor:
        """(), in nats."""
        return self.like.new_tensor(len(self.like) * math.log(2 * self.bound))


def _refuse(q: Distribution, p: UniformBox) -> NoReturn:
    """A law that tells a support of its own may fit: its KL is sampled. One on all of R can't."""
    try:
        bounded = "real" not in repr(q.support).lower()
    except NotImplementedError:
        bounded = False
    if bounded:
        raise NotImplementedError
    raise ValueError(
        f"the uniform prior has no mass beyond +-{p.bound:g}, and q(z|x) ({type(q).__name__}) has: the KL is infinite. "
        "Take the prior `gaussian` or `laplace`, or a loss that compares samples alone, such as wae-mmd"
    )


register_kl(Distribution, UniformBox)(_refuse)  # type: ignore[no-untyped-call]


class UniformPrior(nn.Module):
    """p(z) over vectors of `dim`: uniform on [-bound, bound]^dim.

    The usual prior of early GANs. A VAE's posterior that reaches beyond the box has an infinite rate, and is refused.
    """

    like: Tensor

    def __init__(self, *, dim: Count, bound: Positive = 1.0) -> None:
        super().__init__()
        self.event_shape: Shape = (dim,)
        self.bound = bound
        self.register_buffer("like", torch.zeros(dim), persistent=False)

    def forward(self) -> UniformBox:
        return UniformBox(self.like, self.bound)
