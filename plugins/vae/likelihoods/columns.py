"""A likelihood of tables: real columns, then categorical ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, DiagonalGaussian, Positive, Shape

from .law import EventLaw


class ColumnsLaw(EventLaw):
    """Independent columns given z: Gaussians, then categories, each coded 0, 1 ... in a column (leading ..., columns).

    log_prob is a density in the real columns and a probability in the others; their sum. `mean` of a categorical
    column is the mean of its code: take `mode` for a row of a table.
    """

    def __init__(self, real: DiagonalGaussian, logits: Sequence[Tensor]) -> None:
        columns = (*real.batch_shape, real.event_shape[0] + len(logits))
        super().__init__(real.mean.new_empty(()).expand(columns), 1)
        self.real, self.logits = real, logits

    def log_prob(self, value: Tensor) -> Tensor:
        """value (samples ..., batch ..., columns) -> (samples ..., batch ...)."""
        numbers = self.real.event_shape[0]
        total = self.real.log_prob(value[..., :numbers])
        for place, logits in enumerate(self.logits):
            code = value[..., numbers + place].round().clamp(0, logits.shape[-1] - 1).long()
            total = total + _chosen(logits.log_softmax(-1), code)
        return total

    @property
    def mean(self) -> Tensor:
        codes = [logits.softmax(-1) @ torch.arange(logits.shape[-1]).to(logits) for logits in self.logits]
        return torch.cat([self.real.mean, *(code.unsqueeze(-1) for code in codes)], -1)

    @property
    def mode(self) -> Tensor:
        """The likeliest row: (leading ..., columns)."""
        codes = [logits.argmax(-1, keepdim=True).to(logits) for logits in self.logits]
        return torch.cat([self.real.mean, *codes], -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Rows of a table: (*sample_shape, leading ..., columns)."""
        with torch.no_grad():
            shape = (*sample_shape, *self.batch_shape)
            codes = []
            for logits in self.logits:
                noise = -torch.empty((*shape, logits.shape[-1]), device=logits.device).exponential_().log()
                codes.append((logits + noise).argmax(-1, keepdim=True).to(logits))
            return torch.cat([self.real.sample(sample_shape), *codes], -1)


class ColumnsLikelihood(nn.Module):
    """features (..., *takes(data_shape)) -> p(x|z) of rows of a table: real columns first, then categorical ones.

    categories: how many classes each of the last columns has, coded 0, 1 ...; the columns before them are real, and
    should be standardised. Of a real column the decoder gives mean and sigma, above `floor`, of a categorical one a
    logit for each class. (Nazábal et al. 2020, HI-VAE, without its missing values.) Raises ValueError for data that are
    no vectors, or have fewer columns than categories.
    """

    def __init__(
        self, data_shape: Shape, *, categories: tuple[Count, ...] = (), floor: Positive = 0.02
    ) -> None:
        super().__init__()
        if len(data_shape) != 1 or data_shape[0] < len(categories):
            raise ValueError(
                f"expected rows of a table, of at least {len(categories)} columns as `categories` has, "
                f"not data of the shape {tuple(data_shape)}"
            )
        self.real, self.categories, self.floor = data_shape[0] - len(categories), tuple(categories), floor

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features: two for each real column, and one for each class of the others."""
        return (2 * self.real + sum(self.categories),)

    def forward(self, features: Tensor) -> ColumnsLaw:
        sizes = [self.real, self.real, *self.categories]
        mean, raw, *logits = torch.split(features.float(), sizes, -1)
        return ColumnsLaw(DiagonalGaussian(mean, self.floor + F.softplus(raw)), logits)


def _chosen(log_p: Tensor, code: Tensor) -> Tensor:
    """log p (batch ..., classes) at codes (samples ..., batch ...): (samples ..., batch ...)."""
    front = torch.broadcast_shapes(log_p.shape[:-1], code.shape)  # type: ignore[no-untyped-call]
    return log_p.expand(*front, -1).gather(-1, code.expand(front).unsqueeze(-1)).squeeze(-1)
