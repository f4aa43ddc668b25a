"""Hierarchies of latents: a distribution of several layers, drawn one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

import torch
from torch import Tensor
from torch.distributions import Distribution

Layer = Callable[..., Distribution]
"""The vector of the layer before, and conditions -> the distribution of the next vector."""


def bottom_up(
    first: Distribution, others: Layer | Sequence[Layer], given: Sequence[Tensor] = ()
) -> Ancestral:
    """q(z|x) = q(z_1|x) prod_l q(z_l|z_{l-1}): z is the vector [z_1, z_2, ...], drawn from the first to the last.

    Each of `others` is a wire of an argument, the layer before, and of those `given` (Burda et al. 2016, eq. 2).
    """
    return Ancestral(first, _listed(others), given, last_first=False)


def top_down(first: Distribution, others: Layer | Sequence[Layer], given: Sequence[Tensor] = ()) -> Ancestral:
    """p(z) = p(z_L) prod_l p(z_l|z_{l+1}): z is the vector [z_1, z_2, ...], drawn from the last to the first.

    `first` is p(z_L), the first of `others` p(z_{L-1}|z_L). With `given` it is a posterior that goes the way of the
    generative model, as a ladder's (Sønderby et al. 2016, eq. 6).
    """
    return Ancestral(first, _listed(others), given, last_first=True)


class Ancestral(Distribution):
    """A chain of distributions over vectors, as one over the vector of all layers (leading ..., layers joined).

    `log_prob` is exact, `mean` the chain of the layers' means (each at the mean of the layer before: not the mean of
    the whole where a layer is not linear). The layers of its last own draw are remembered, so that its density costs no
    second pass through their nets.
    """

    arg_constraints = {}
    _validate_args = False

    def __init__(
        self, first: Distribution, others: Sequence[Layer], given: Sequence[Tensor], last_first: bool
    ) -> None:
        self.first, self.others, self.given = first, others, tuple(given)
        self.last_first = last_first
        self._drawn: tuple[Tensor, list[Distribution]] | None = None

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return bool(self.first.has_rsample)

    @property
    def batch_shape(self) -> torch.Size:
        return self.first.batch_shape

    @property
    def event_shape(self) -> torch.Size:
        """Found by a pass through the layers, as only the nets know how wide they are."""
        return torch.Size(self.mean.shape[-1:])

    @property
    def mean(self) -> Tensor:
        return self._joined(self._chain(lambda law: law.mean)[0])

    @property
    def mode(self) -> Tensor:
        return self._joined(self._chain(lambda law: law.mode)[0])

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """(*sample_shape, leading ..., layers joined), differentiable."""
        return self._draw("rsample", sample_shape)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As `rsample`, without gradient."""
        with torch.no_grad():
            return self._draw("sample", sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch, layers joined) -> (samples ..., batch)."""
        if self._drawn is not None and self._drawn[0] is value:
            laws = self._drawn[1]
            parts = self._split(value, laws)
        else:
            laws, parts = self._laws_at(value)
        density: Tensor = reduce(add, (law.log_prob(part) for law, part in zip(laws, parts, strict=True)))
        return density

    def _draw(self, method: str, sample_shape: Sequence[int]) -> Tensor:
        shapes = iter(
            [sample_shape]
        )  # the first layer is drawn so often, each other once for each of its draws
        parts, laws = self._chain(lambda law: getattr(law, method)(next(shapes, ())))
        value = self._joined(parts)
        self._drawn = value, laws
        return value

    def _chain(self, take: Callable[[Distribution], Tensor]) -> tuple[list[Tensor], list[Distribution]]:
        """A vector of each layer, in the order of drawing, and the layers' distributions."""
        laws, parts = [self.first], [take(self.first)]
        for layer in self.others:
            laws.append(self._next(layer, parts[-1]))
            parts.append(take(laws[-1]).reshape(*parts[-1].shape[:-1], -1))
        return parts, laws

    def _next(self, layer: Layer, before: Tensor) -> Distribution:
        """The distribution of a layer; nets take batches, so that a vector alone is a batch of one."""
        return layer(before.unsqueeze(0) if before.ndim == 1 else before, *self.given)

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(reversed(parts)) if self.last_first else list(parts), -1)

    def _split(self, value: Tensor, laws: Sequence[Distribution]) -> list[Tensor]:
        """The layers of a value, in the order of drawing."""
        widths = [law.event_shape[-1] for law in laws]
        parts = torch.split(value, widths[::-1] if self.last_first else widths, -1)
        return list(parts[::-1] if self.last_first else parts)

    def _laws_at(self, value: Tensor) -> tuple[list[Distribution], list[Tensor]]:
        """The layers' distributions where the chain has these values, and the values."""
        laws, parts, rest = [self.first], list[Tensor](), value
        for layer in (*self.others, None):
            width = laws[-1].event_shape[-1]
            if rest.shape[-1] < width or (layer is None and rest.shape[-1] != width):
                raise ValueError(
                    f"a value of {value.shape[-1]} numbers does not hold the {len(self.others) + 1} layers"
                )
            cut = rest.shape[-1] - width if self.last_first else width
            low, high = rest[..., :cut], rest[..., cut:]
            part, rest = (high, low) if self.last_first else (low, high)
            parts.append(part)
            if layer is not None:
                laws.append(self._next(layer, part))
        return laws, parts


def _listed(others: Layer | Sequence[Layer]) -> list[Layer]:
    return list(others) if isinstance(others, Sequence) else [others]
