"""Several noises, one on top of the other."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Noise, Of


class Compose(Noise):
    """The noises `parts` in order, each on what the one before made: `parts: {grain: gaussian, holes: masking}`.

    A part has its own level, drawn on its own: the columns are `grain_std`, `holes_share`.
    """

    def __init__(self, *, parts: dict[str, Annotated[Any, Of("noise")]]) -> None:
        self.parts: dict[str, Noise] = parts
        self.columns = columns_of(parts)

    def draw(self, x: Tensor) -> Tensor:
        return torch.cat([drawn(part, x) for part in self.parts.values()], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        levels = torch.split(level, [len(part.columns) for part in self.parts.values()], 1)
        for part, own in zip(self.parts.values(), levels, strict=True):
            x = part.apply(x, own)
        return x


def columns_of(parts: dict[str, Noise]) -> tuple[str, ...]:
    """The columns of all parts, each with the part's name in front."""
    named = ((name.replace("-", "_"), part) for name, part in parts.items())
    return tuple(f"{name}_{column}" for name, part in named for column in part.columns)


def drawn(part: Noise, x: Tensor) -> Tensor:
    """The levels that a part draws: (batch, its columns)."""
    return part.draw(x).reshape(len(x), len(part.columns))
