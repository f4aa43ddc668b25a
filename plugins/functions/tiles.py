"""Pictures in small: one square of each, or all of them and back."""

from __future__ import annotations

import torch
from torch import Tensor

from genframe import Count


def crop(x: Tensor, *, size: Count) -> Tensor:
    """A square at a random place of each picture (..., channels, height, width) -> (..., channels, size, size).

    Each example has a place of its own, any as probable as another. Raises ValueError for smaller pictures.
    """
    _require(x, size, "crop")
    flat = x.reshape(-1, *x.shape[-3:])
    places = [torch.randint(length - size + 1, (len(flat), 1), device=x.device) for length in x.shape[-2:]]
    rows, columns = (place + torch.arange(size, device=x.device) for place in places)  # (pictures, size)
    picture = torch.arange(len(flat), device=x.device)[:, None, None]
    # An index between slices moves to the front: (pictures, size, size, channels).
    cut = flat[picture, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return cut.reshape(*x.shape[:-2], size, size)


class Tiles:
    """Squares of pictures that overlap, (..., channels, height, width) -> (..., tiles, channels, size, size).

    What knows small pictures serves larger ones: `tiles.joined(restored(tiles(picture)), picture)`. Tiles are `stride`
    pixels apart (half of `size` where it is left out), and the last ones stand at the ends. Raises ValueError for
    pictures that are smaller.
    """

    def __init__(self, *, size: Count = 8, stride: Count | None = None) -> None:
        self.size, self.stride = size, stride or max(size // 2, 1)

    def __call__(self, x: Tensor) -> Tensor:
        _require(x, self.size, "tiles")
        cut = x[..., self._places(x.shape[-2], x.device), :][..., self._places(x.shape[-1], x.device)]
        # (..., channels, down, size, across, size)
        return cut.movedim((-5, -4, -2), (-3, -5, -4)).flatten(-5, -4)

    def joined(self, v: Tensor, x: Tensor) -> Tensor:
        """The picture whose tiles are v, the mean where they overlap; as large as x.

        v (..., tiles, channels, size, size), x (..., channels, height, width): only its size counts.
        """
        down, across = (self._places(length, v.device) for length in x.shape[-2:])
        apart = v.reshape(*v.shape[:-4], len(down), len(across), *v.shape[-3:]).movedim(
            (-3, -5, -4), (-5, -4, -2)
        )
        lines = apart.flatten(-4, -3).flatten(-2)  # (..., channels, down * size, across * size)
        rows = lines.new_zeros(*lines.shape[:-2], x.shape[-2], lines.shape[-1])
        rows = rows.index_add(-2, down.flatten(), lines)
        total = rows.new_zeros(*rows.shape[:-1], x.shape[-1]).index_add(-1, across.flatten(), rows)
        counts = [torch.bincount(places.flatten()) for places in (down, across)]
        joined: Tensor = total / torch.outer(*counts)
        return joined

    def _places(self, length: int, device: torch.device) -> Tensor:
        """(tiles, size)"""
        starts = [*range(0, length - self.size, self.stride), length - self.size]
        return torch.tensor(starts, device=device)[:, None] + torch.arange(self.size, device=device)


def _require(x: Tensor, size: int, name: str) -> None:
    if x.ndim < 4 or min(x.shape[-2:]) < size:
        raise ValueError(
            f"{name} takes pictures (batch, channels, height, width) of at least {size}x{size}, not {tuple(x.shape)}"
        )
