"""The law of layers of bits, each drawn given the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

Link = tuple[Tensor, Tensor]
"""Weight (units, units before) and bias (units,) of a layer given the one before."""


class LayeredLaw(Distribution):
    """p(h) = p(h_first) prod p(h_next | h_before), bits with sigmoids of linear maps; exact, and drawn layer by layer.

    first: logits (leading ..., units) of the layer that is drawn first. downward: it is the top one, and stands last in
    an event, in which the lowest layer stands first; else the first drawn is the lowest.
    """

    arg_constraints = {}
    has_rsample = False
    _validate_args = False

    def __init__(self, first: Tensor, links: Sequence[Link], *, downward: bool) -> None:
        self.first, self.links, self.downward = (
            first.float() if first.dtype in _HALF else first,
            links,
            downward,
        )
        self.sizes = [first.shape[-1], *(weight.shape[0] for weight, _ in links)]
        super().__init__(first.shape[:-1], torch.Size([sum(self.sizes)]), validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.boolean, 1)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Bits (*sample_shape, leading ..., units of all layers), without gradient."""
        with torch.no_grad():
            layer = torch.bernoulli(self.first.sigmoid().expand(*sample_shape, *self.first.shape))
            layers = [layer]
            for weight, bias in self.links:
                layer = torch.bernoulli(F.linear(layer, weight, bias).float().sigmoid())
                layers.append(layer)
        return torch.cat(layers[::-1] if self.downward else layers, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., units) -> (samples ..., batch ...)."""
        layers = torch.split(value, self.sizes[::-1] if self.downward else self.sizes, -1)
        layers = layers[::-1] if self.downward else layers
        total = _scored(self.first, layers[0])
        for (weight, bias), before, layer in zip(self.links, layers, layers[1:], strict=False):
            total = total + _scored(F.linear(before, weight, bias), layer)
        return total


def links(layers: Iterable[nn.Module]) -> list[Link]:
    """The weights and biases of linear layers."""
    return [(layer.weight, layer.bias) for layer in layers if isinstance(layer, nn.Linear)]


_HALF = (torch.float16, torch.bfloat16)


def _scored(logits: Tensor, bits: Tensor) -> Tensor:
    """log p of bits (..., units): (...)."""
    logits = logits.float() if logits.dtype in _HALF else logits
    inner: Tensor = torch.linalg.vecdot(bits.to(logits.dtype), logits)
    return inner - F.softplus(logits).sum(-1)
