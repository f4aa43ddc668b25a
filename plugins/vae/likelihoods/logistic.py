"""Grey levels by a logistic law cut into cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Ge, Lt, Shape

from .law import LEVELS, GreyLaw

CELL = 1 / LEVELS


class DiscretisedLogistic(GreyLaw):
    """P(k) = F((k+1)/256) - F(k/256) of a logistic F, whose tails belong to the levels 0 and 255: they sum to one.

    Kingma et al. 2016 (IAF), section 5.2; the edges as Salimans et al. 2017 (PixelCNN++) have them. mean, log_scale:
    (leading ..., *event), in units of the whole range of grey.
    """

    def __init__(self, loc: Tensor, log_scale: Tensor, *, event_ndim: int) -> None:
        super().__init__(loc, event_ndim)
        self.loc, self.log_scale = loc, log_scale

    def log_pmf(self, level: Tensor) -> Tensor:
        """log P(k): exact in the tails, as no difference of two numbers near 1 is taken.

        With a, b the standardised edges, F(b) - F(a) = sigmoid(b) sigmoid(-a) (1 - e^{a - b}).
        """
        inverse = (-self.log_scale).exp()
        low = (level * CELL - self.loc) * inverse
        width = CELL * inverse
        first, last = level == 0, level == LEVELS - 1
        above = torch.where(last, 0.0, F.softplus(-low - width))  # -log sigmoid(b)
        below = torch.where(first, 0.0, F.softplus(low))  # -log sigmoid(-a)
        inside = torch.log(-torch.expm1(-width))
        return torch.where(first | last, 0.0, inside) - above - below

    @property
    def mean(self) -> Tensor:
        """sum_k k P(k) / 255 = sum over the 255 inner edges of P(above) / 255: (leading ..., *event)."""
        inverse = (-self.log_scale).exp()
        total = torch.zeros_like(self.loc)
        for edge in range(1, LEVELS):  # one edge at a time: 255 pictures at once would not fit
            total += torch.sigmoid((self.loc - edge * CELL) * inverse)
        return total / (LEVELS - 1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """k/255 (*sample_shape, leading ..., *event): a logistic draw's cell."""
        with torch.no_grad():
            noise = (
                torch.rand(self._shape(sample_shape), device=self.loc.device).clamp(1e-7, 1 - 1e-7).logit()
            )
            level = ((self.loc + self.log_scale.exp() * noise) * LEVELS).floor().clamp(0, LEVELS - 1)
            return level / (LEVELS - 1)


class DiscretisedLogisticLikelihood(nn.Module):
    """features (..., *takes(data_shape)) -> P(x|z) over the 256 levels of each value; x is in [0, 1], k/255.

    The first half of the channels (of a vector, of its entries) are means, (1 + feature)/2; the second log-scales,
    between `log_scale` and 0 by a sigmoid, since a clamp has no gradient where it holds. -7 is about a quarter of a
    grey level; Tomczak & Welling (2018) have -4.5. clamped: means within [1/512, 511/512] as theirs are, the centres
    of the outer cells; without, a mean beyond black makes black certain, which borders of digits want.
    """

    def __init__(
        self, data_shape: Shape, *, log_scale: Annotated[float, Ge(-12), Lt(0)] = -7.0, clamped: bool = False
    ) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)
        self.lowest, self.clamped = log_scale, clamped

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: twice the channels."""
        return (2 * data_shape[0], *data_shape[1:])

    def forward(self, features: Tensor) -> DiscretisedLogistic:
        mean, raw = features.float().chunk(2, -self.event_ndim)  # (..., *data_shape) each
        return DiscretisedLogistic(*scaled(mean, raw, self.lowest, self.clamped), event_ndim=self.event_ndim)


def scaled(mean: Tensor, raw: Tensor, lowest: float, clamped: bool) -> tuple[Tensor, Tensor]:
    """Means and log-scales in units of the range of grey, of what a decoder gives."""
    loc = CELL / 2 + (1 - CELL) * torch.sigmoid(2 * mean) if clamped else 0.5 + 0.5 * mean
    return loc, lowest * torch.sigmoid(-raw)
