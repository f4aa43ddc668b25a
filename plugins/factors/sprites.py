"""Sprites: shapes of known size, angle and place, drawn by the package itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from genframe import Count, DataSpec, Field, Ge, Gt, Le, Len

if TYPE_CHECKING:
    from torch import Generator, Tensor

FACTORS = ("shape", "scale", "angle", "x", "y")
"""The columns of `factors`, and what a batch can vary."""

HELD_OUT = 10
"""One sprite in so many is of the test split."""

Name = Literal["triangle", "heart", "crescent"]


class Sprites:
    """White shapes on black, one for each combination of shape, scale, angle and place: 18,432 of them by default.

    Gives `x`, pictures (1, size, size) with soft edges; `factors` (5,), the shape's number, the scale as a share of the
    largest, the angle in radians, and the place from -1 to 1 across and down; `y`, the shape as a label. None of the
    shapes turns into itself within a full turn, so that the angle can be told from a picture (of a square, as in
    dSprites (Matthey et al. 2017), it cannot). A tenth, drawn once and for all, is the test split.

    angles: how many, evenly over `turn` degrees; of a full turn the last one is the first. places: how many, each way.
    vary: a batch holds sprites that differ in one factor alone, each batch in one that is drawn by these shares, as
    DC-IGN is trained (Kulkarni et al. 2015, section 3.2): `{angle: 1, scale: 1, rest: 2}`; `rest` varies all factors
    that are not named.
    """

    def __init__(
        self,
        *,
        size: Annotated[int, Ge(16), Le(256)] = 64,
        shapes: Annotated[tuple[Name, ...], Len(1)] = ("triangle", "heart", "crescent"),
        scales: Count = 4,
        angles: Count = 24,
        turn: Annotated[float, Gt(0), Le(360)] = 360.0,
        places: Count = 8,
        vary: dict[str, Annotated[float, Gt(0)]] | None = None,
    ) -> None:
        if len(set(shapes)) < len(shapes):
            raise ValueError(f"shapes: each once, not {list(shapes)}")
        unknown = [name for name in vary or {} if name not in (*FACTORS, "rest")]
        if unknown:
            raise ValueError(f"vary: the factors are {', '.join(FACTORS)} and rest, not {unknown[0]!r}")
        self.size, self.shapes, self.vary = size, tuple(shapes), vary
        self.counts = (len(self.shapes), scales, angles, places, places)
        self.turn = math.radians(turn)

    def spec(self) -> DataSpec:
        """Pictures, their factors, and the shape as a label."""
        total = math.prod(self.counts)
        held = total // HELD_OUT
        return DataSpec(
            {
                "x": Field((1, self.size, self.size), image=True),
                "factors": Field((len(FACTORS),)),
                "y": Field((), "int64", classes=len(self.shapes)),
            },
            {"train": total - held, "test": held},
        )

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, 1, size, size), `factors` float32 (n, 5) and `y` int64 (n,) of `train` or `test`."""
        import torch

        levels = self._levels(split)
        factors = self._factors(levels)
        x = torch.cat([self._drawn(part) for part in torch.split(factors, 512)])
        return {"x": x, "factors": factors, "y": levels[:, 0]}

    def arrange(self, positions: Tensor, batch_size: int, steps: int, generator: Generator) -> Tensor | None:
        """The batches of an epoch where each varies one factor: of `positions` (n,), (steps * batch_size,).

        A sprite is drawn, and then the batch among those that share all its other factors, with repetition where these
        are fewer than a batch. None without `vary`: any sprite may meet any other.
        """
        import torch

        if self.vary is None:
            return None
        levels = self._levels("train")[positions]
        choices = [self._alike(levels, name) for name in self.vary]
        shares = torch.tensor([*self.vary.values()])
        which = torch.multinomial(shares, steps, replacement=True, generator=generator).tolist()
        first = torch.randint(len(levels), (steps,), generator=generator)
        batches = []
        for choice, one in zip(which, first, strict=True):
            group = choices[choice]
            members = (group == group[one]).nonzero().squeeze(1)
            if len(members) < batch_size:
                drawn = torch.randint(len(members), (batch_size,), generator=generator)
            else:
                drawn = torch.randperm(len(members), generator=generator)[:batch_size]
            batches.append(members[drawn])
        return positions[torch.cat(batches)]

    def _alike(self, levels: Tensor, varied: str) -> Tensor:
        """A number for each sprite (n,), that of those which differ in nothing but `varied`."""
        free = {varied} if varied != "rest" else set(FACTORS) - set(self.vary or {})
        key = levels.new_zeros(len(levels))
        for column, (name, count) in enumerate(zip(FACTORS, self.counts, strict=True)):
            if name not in free:
                key = key * count + levels[:, column]
        return key

    def _levels(self, split: str) -> Tensor:
        """The number of each factor's value, int64 (n, 5), in an order that mixes them."""
        import torch

        total = math.prod(self.counts)
        held = total // HELD_OUT
        mixed = torch.randperm(total, generator=torch.Generator().manual_seed(64))
        which = (mixed[:held] if split == "test" else mixed[held:]).sort().values
        return torch.stack(torch.unravel_index(which, self.counts), 1)

    def _factors(self, levels: Tensor) -> Tensor:
        """The values (n, 5) of factors by their numbers (n, 5)."""
        import torch

        shape, scale, angle, across, down = levels.float().unbind(1)
        _, scales, angles, places, _ = self.counts
        full = self.turn >= 2 * math.pi - 1e-9
        step = self.turn / (angles if full else max(angles - 1, 1))
        middle = 0.0 if full else self.turn / 2
        large = 0.5 + 0.5 * (scale + 1) / scales if scales > 1 else torch.ones_like(scale)
        place = [2 * level / max(places - 1, 1) - int(places > 1) for level in (across, down)]
        return torch.stack([shape, large, angle * step - middle, *place], 1)

    def _drawn(self, factors: Tensor) -> Tensor:
        """Pictures uint8 (n, 1, size, size) of factors (n, 5)."""
        import torch

        shape, scale, angle, across, down = (column[:, None, None] for column in factors.unbind(1))
        line = (torch.arange(self.size) + 0.5) * 2 / self.size - 1  # the middles of pixels, from -1 to 1
        x, y = line[None, None, :] - REACH * across, REACH * down - line[None, :, None]  # y points up
        radius = RADIUS * scale
        u = (x * angle.cos() + y * angle.sin()) / radius
        v = (y * angle.cos() - x * angle.sin()) / radius
        distance = torch.stack([DISTANCES[name](u, v) for name in self.shapes])
        own = distance.gather(0, shape.long()[None].expand(1, *u.shape)).squeeze(0)
        covered = (0.5 - own * radius * self.size / 2).clamp(0, 1)  # of each pixel, about
        return (255 * covered).round().to(torch.uint8)[:, None]


REACH, RADIUS = 0.5, 0.4
"""How far from the middle sprites stand at most, and the radius of the largest, where the picture goes from -1 to 1."""


def _triangle(u: Tensor, v: Tensor) -> Tensor:
    """Signed distances, negative inside, from the triangle (0, 1), (0.55, -0.8), (-0.55, -0.8)."""
    run, rise = 1.8, 0.55
    side = (run * u.abs() + rise * (v - 1)) / math.hypot(run, rise)
    return side.maximum(-0.8 - v)


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """From a square on its corner and two discs upon its upper sides."""
    half, low = 0.55, 0.15
    v = v + low
    square = ((u + v).abs().maximum((u - v).abs())) / math.sqrt(2) - half
    discs = (u.abs() - half / math.sqrt(2)).square() + (v - half / math.sqrt(2)).square()
    return square.minimum(discs.sqrt() - half)


def _crescent(u: Tensor, v: Tensor) -> Tensor:
    """From a disc without another one to its right."""
    return ((u.square() + v.square()).sqrt() - 1).maximum(0.8 - ((u - 0.55).square() + v.square()).sqrt())


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "triangle": _triangle,
    "heart": _heart,
    "crescent": _crescent,
}
