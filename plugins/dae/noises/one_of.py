"""One of several noises for each example."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from genframe import Noise, NonNegative, Of, per_example

from .compose import columns_of, drawn


class OneOf(Noise):
    """For each example one of the noises `parts`: `parts: {grain: gaussian, holes: masking}`.

    chances: of the parts by their names, in any unit (`{grain: 3, holes: 1}`); equal where there are none.
    The first column, `which`, is the part's number from 0 on; the others are the parts' (`grain_std`), 0 for those
    that an example did not get. Raises ValueError for chances of no part, or of none above 0.
    """

    def __init__(
        self,
        *,
        parts: dict[str, Annotated[Any, Of("noise")]],
        chances: dict[str, NonNegative] | None = None,
    ) -> None:
        self.parts: dict[str, Noise] = parts
        self.columns = ("which", *columns_of(parts))
        if chances is not None and (set(chances) - set(parts) or not any(chances.values())):
            raise ValueError(
                f"chances is {chances}, for the parts {', '.join(parts)}: it names parts, one above 0"
            )
        self.chances = [1.0 if chances is None else chances.get(name, 0.0) for name in parts]

    def draw(self, x: Tensor) -> Tensor:
        chances = torch.tensor(self.chances, dtype=torch.float32, device=x.device)
        which = torch.multinomial(chances, len(x), replacement=True)
        levels = [drawn(part, x) * (which == n).unsqueeze(1) for n, part in enumerate(self.parts.values())]
        return torch.cat([which.unsqueeze(1), *levels], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        which, *levels = torch.split(level, [1, *(len(part.columns) for part in self.parts.values())], 1)
        noised = x.clone()
        for number, (part, own) in enumerate(zip(self.parts.values(), levels, strict=True)):
            chosen = which.squeeze(1).round() == number
            if x.device.type != "cpu":  # where to ask which rows they are would wait for the device
                noised = torch.where(per_example(chosen, x) > 0, part.apply(x, own), noised)
            elif len(rows := chosen.nonzero().squeeze(1)):  # each part works on its own examples alone
                noised[rows] = part.apply(x[rows], own[rows])
        return noised
