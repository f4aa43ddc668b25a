"""The quarters of pictures: some of them shown, the others to be found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor

from genframe import Ge, Le, Len

Quarter = Annotated[int, Ge(0), Le(3)]


class Quadrants:
    """Pictures (..., c, height, width) in quarters: those that are `shown` as channels (..., k c, h, w).

    0 is top left, 1 top right, 2 bottom left, 3 bottom right; `hidden(x)` gives the others, and
    `whole(seen, found)` the picture again: completion from a part of the picture, as in Sohn et al. 2015,
    section 5. Raises ValueError for pictures of odd height or width, and where `shown` has a quarter twice.
    """

    def __init__(self, *, shown: Annotated[tuple[Quarter, ...], Len(1, 3)] = (2,)) -> None:
        if len(set(shown)) < len(shown):
            raise ValueError(f"shown: each quarter once, not {list(shown)}")
        self.shown = tuple(shown)
        self.others = tuple(sorted({0, 1, 2, 3} - set(shown)))

    def __call__(self, x: Tensor) -> Tensor:
        return _quarters(x, self.shown)

    def hidden(self, x: Tensor) -> Tensor:
        """The other quarters, as channels: (..., (4 - k) c, h, w)."""
        return _quarters(x, self.others)

    def whole(self, seen: Tensor, found: Tensor) -> Tensor:
        """The picture of the shown quarters and the others: (..., c, 2h, 2w)."""
        given = dict(zip(self.shown, seen.chunk(len(self.shown), -3), strict=True))
        given |= dict(zip(self.others, found.chunk(len(self.others), -3), strict=True))
        upper, lower = (torch.cat([given[q], given[q + 1]], -1) for q in (0, 2))
        return torch.cat([upper, lower], -2)


def _quarters(x: Tensor, which: Sequence[int]) -> Tensor:
    rows, columns = x.shape[-2:]
    if x.ndim < 4 or rows % 2 or columns % 2:
        raise ValueError(f"quadrants takes pictures of even height and width, not {tuple(x.shape)}")
    h, w = rows // 2, columns // 2
    return torch.cat([x[..., h * (q // 2) :, w * (q % 2) :][..., :h, :w] for q in which], -3)
