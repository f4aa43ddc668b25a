"""The law of an autoregressive net as a distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from genframe import Shape


class Net(Protocol):
    """What a law asks of its net; values are (n, *event_shape)."""

    event_shape: Shape
    classes: int | None

    def log_prob(self, value: Tensor) -> Tensor: ...
    def draw(self, n: int) -> Tensor: ...


class AutoregressiveLaw(Distribution):
    """p(v) = prod_i p(v_i | v_<i), exact: one law over the event of its net, of bits or of one-hot vectors."""

    arg_constraints = {}
    has_rsample = False
    _validate_args = False

    def __init__(self, net: Net) -> None:
        super().__init__(torch.Size(), torch.Size(net.event_shape), validate_args=False)
        self.net = net

    @property
    def support(self) -> Any:
        base = constraints.boolean if self.net.classes is None else constraints.one_hot
        return constraints.independent(base, len(self.event_shape) - base.event_dim)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, *event), without gradient: one number after the other."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            return self.net.draw(shape.numel()).reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (..., *event) -> (...), in nats."""
        front = value.shape[: value.ndim - len(self.event_shape)]
        return self.net.log_prob(value.reshape(-1, *self.event_shape)).reshape(front)


def drawn(logits: Tensor, classes: int | None) -> Tensor:
    """A draw of one variable from its logits: bits (n,) of (n,), one-hot vectors (n, classes) of (n, classes)."""
    if classes is None:
        return torch.bernoulli(logits.sigmoid())
    noise = torch.empty_like(logits).exponential_().clamp_(min=torch.finfo(logits.dtype).tiny).log_()
    return torch.nn.functional.one_hot((logits - noise).argmax(-1), classes).to(logits)


def scored(logits: Tensor, value: Tensor, classes: int | None) -> Tensor:
    """log p of each variable: (n, ...) of bits (n, ...), or of one-hot vectors (n, ..., classes)."""
    if classes is None:
        return -torch.nn.functional.binary_cross_entropy_with_logits(logits, value, reduction="none")
    scores: Tensor = torch.linalg.vecdot(value, logits.log_softmax(-1))
    return scores
