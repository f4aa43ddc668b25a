"""An autoregressive convolutional net over maps of codes."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Ge, MinLen, Shape

from .law import AutoregressiveLaw, drawn, scored


class MaskedConv(nn.Module):
    """p(codes) of a map of one-hot codes, row by row, by convolutions that see what stands before (van den Oord 2016).

    event_shape (height, width, classes), as the posterior `vq` gives its `codes`. The first convolution leaves out its
    own place and all behind it (mask A), `depth` residual ones look at their own place too (mask B); `width` channels,
    kernels of 5 and 3. What stands above to the right is seen from the second layer on alone (the blind spot that
    gates would take away is small on maps of some ten places a side).
    """

    def __init__(
        self,
        *,
        shape: Annotated[tuple[Count, ...], MinLen(2)] = (7, 7),
        classes: Annotated[int, Ge(2)] = 64,
        width: Count = 64,
        depth: Count = 4,
    ) -> None:
        super().__init__()
        if len(shape) != 2:
            raise ValueError(f"shape is the height and width of a map of codes, not {tuple(shape)}")
        self.classes: int | None = classes
        self.event_shape: Shape = (*shape, classes)
        self.first = nn.Conv2d(classes, width, 5, padding=2)
        self.middle = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.last = nn.Conv2d(width, classes, 1)
        self.register_buffer("mask_a", _before(5, own=False), persistent=False)
        self.register_buffer("mask_b", _before(3, own=True), persistent=False)

    def forward(self) -> AutoregressiveLaw:
        return AutoregressiveLaw(self)

    def conditionals(self, value: Tensor) -> Tensor:
        """Logits (n, height, width, classes) of each code given those before it."""
        maps = value.movedim(-1, 1)
        h = F.conv2d(maps, self.first.weight * self.get_buffer("mask_a"), self.first.bias, padding=2)
        for layer in self.middle:
            assert isinstance(layer, nn.Conv2d)
            h = h + F.conv2d(F.relu(h), layer.weight * self.get_buffer("mask_b"), layer.bias, padding=1)
        logits: Tensor = self.last(F.relu(h))
        return logits.movedim(1, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """(n, *event_shape) -> (n,)."""
        return scored(self.conditionals(value), value, self.classes).flatten(1).sum(1)

    def draw(self, n: int) -> Tensor:
        """n draws, code after code."""
        height, width, classes = self.event_shape
        value = torch.zeros(n, height, width, classes, device=self.last.weight.device)
        for row in range(height):
            for column in range(width):
                value[:, row, column] = drawn(self.conditionals(value)[:, row, column], classes)
        return value


def _before(size: int, *, own: bool) -> Tensor:
    """A mask (size, size): 1 above the middle, left of it in its row, and at it where `own`."""
    mask = torch.zeros(size, size)
    mask[: size // 2] = 1
    mask[size // 2, : size // 2 + own] = 1
    return mask
