"""Grey levels by a probability each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genframe import Shape

from .law import LEVELS, GreyLaw


class CategoricalLevels(GreyLaw):
    """A free probability for each of the 256 levels of each value: logits (leading ..., 256, *event)."""

    def __init__(self, logits: Tensor, *, event_ndim: int) -> None:
        self.axis = -1 - event_ndim
        super().__init__(logits.select(self.axis, 0), event_ndim)
        self.logits = logits

    def log_pmf(self, level: Tensor) -> Tensor:
        """The log-softmax of each value at its level."""
        front = torch.broadcast_shapes(level.shape, self.batch_shape + self.event_shape)  # type: ignore[no-untyped-call]
        index = level.long().expand(front).unsqueeze(self.axis)
        place = len(front) - self.event_ndim
        logits = self.logits.expand(*front[:place], LEVELS, *self.event_shape)
        chosen = logits.gather(self.axis, index).squeeze(self.axis)
        return chosen - self.logits.logsumexp(self.axis)

    @property
    def mean(self) -> Tensor:
        levels = torch.arange(LEVELS, device=self.logits.device) / (LEVELS - 1)
        return (self.logits.softmax(self.axis) * levels.view(-1, *[1] * self.event_ndim)).sum(self.axis)

    @property
    def mode(self) -> Tensor:
        return self.logits.argmax(self.axis) / (LEVELS - 1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """k/255: (*sample_shape, leading ..., *event)."""
        with torch.no_grad():
            below = (
                self.logits.softmax(self.axis).movedim(self.axis, -1).cumsum(-1)
            )  # (leading ..., *event, 256)
            uniform = (
                torch.rand(self._shape(sample_shape), device=below.device).unsqueeze(-1) * below[..., -1:]
            )
            below = below.expand(*uniform.shape[:-1], LEVELS).contiguous()
            level = torch.searchsorted(below, uniform, right=True).squeeze(-1)
            return level.clamp(max=LEVELS - 1) / (LEVELS - 1)

    def entropy(self) -> Tensor:
        """(leading ...), in nats."""
        log_p = self.logits.log_softmax(self.axis)
        return self._sum_event(-(log_p.exp() * log_p).sum(self.axis))


class CategoricalLevelsLikelihood(nn.Module):
    """logits (..., *takes(data_shape)) -> P(x|z), a softmax over the 256 levels of each value; x is in [0, 1], k/255.

    van den Oord et al. 2016 (PixelRNN), section 3.4: any shape of law, and no notion that neighbouring levels are
    alike. Features are 256 times the channels, so that many samples of large pictures need much memory.
    """

    def __init__(self, data_shape: Shape) -> None:
        super().__init__()
        self.event_ndim = len(data_shape)

    def takes(self, data_shape: Shape) -> Shape:
        """The shape of the features for data of `data_shape`: a logit for each level."""
        return (LEVELS * data_shape[0], *data_shape[1:])

    def forward(self, logits: Tensor) -> CategoricalLevels:
        split: Tensor = logits.float().unflatten(-self.event_ndim, (LEVELS, -1))  # type: ignore[no-untyped-call]
        return CategoricalLevels(split, event_ndim=self.event_ndim)
