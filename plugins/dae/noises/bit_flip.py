"""Bits that are wrong."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_real


class BitFlip(Noise):
    """Each value of x (batch, ...), which is 0 or 1, becomes the other with the chance `chance`.

    The binary symmetric channel; at 0.5 nothing is left of x. It is for binary data (`data: {binarise: ...}`).
    Raises ValueError for a value in between, by a look at the first example (on the CPU, where the trial run is).
    """

    columns = ("chance",)

    def __init__(self, *, chance: Annotated[Level, Ge(0), Le(1)] = 0.1) -> None:
        self.chance = chance

    def draw(self, x: Tensor) -> Tensor:
        return draw_level(self.chance, x)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_real(x, "bit-flip")
        if x.device.type == "cpu" and len(x):
            _require_bits(x[0].detach())
        return torch.where(torch.rand_like(x) < per_example(level[:, 0], x), 1 - x, x)


def _require_bits(example: Tensor) -> None:
    between = example[(example != 0) & (example != 1)]
    if len(between):
        raise ValueError(
            f"bit-flip takes bits, values that are 0 or 1, got {float(between[0]):.3g}: binarise the data "
            "(`data: {binarise: dynamic}`), or take salt-and-pepper, which replaces real values too"
        )
