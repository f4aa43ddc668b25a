"""Rotation of a circular crop."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from genframe import Ge, Le, Level, Noise, draw_level, per_example

from .inputs import require_picture


class RotateCrop(Noise):
    """A disc of each picture (batch, channels, height, width) turned in its place: to find it takes global structure.

    angle: degrees, counter-clockwise; this is the level. radius: a share of half the shorter side. The centre is
    drawn so that the disc lies inside, and told in shares of width and height (`x` from the left, `y` from the top).
    Sampled bilinearly; over the outermost pixel of the disc the turned picture fades into the other. Outside nothing
    changes, or with `outside`, a value, everything becomes that: then no edge tells how far the disc was turned, and
    with a `radius` of 1 what is left is the turned disc that the picture has room for. Differentiable in the picture
    and in the levels.
    """

    columns = ("angle", "radius", "x", "y")

    def __init__(
        self,
        *,
        angle: Annotated[Level, Ge(-360), Le(360)] = (-180.0, 180.0),
        radius: Annotated[Level, Ge(0), Le(1)] = (0.4, 0.8),
        outside: float | None = None,
    ) -> None:
        self.angle, self.radius, self.outside = angle, radius, outside

    def draw(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        angle, radius = draw_level(self.angle, x), draw_level(self.radius, x)
        half = radius * min(height, width) / 2  # in pixels
        place = torch.rand(2, len(x), device=x.device)
        across, down = ((half + u * (n - 2 * half)) / n for u, n in zip(place, (width, height), strict=True))
        return torch.stack([angle, radius, across, down], 1)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        require_picture(x, "rotate-crop")
        angle, radius, across, down = level.unbind(1)
        turned = grid_sample(x, _turn(angle, across, down, x), padding_mode="border", align_corners=False)
        distance = _distance(across, down, x)  # (batch, 1, height, width)
        inside = (per_example(radius, x) * (min(x.shape[-2:]) / 2) - distance).clamp(0, 1)
        if self.outside is None:
            return torch.lerp(x, turned, (inside * per_example(angle != 0, x)).to(x.dtype))
        disc = torch.where(per_example(angle != 0, x), turned, x)
        rest = torch.where(per_example(radius > 0, x), self.outside, x)  # a radius of 0 is no noise
        return torch.lerp(rest, disc, inside.to(x.dtype))


def _turn(angle: Tensor, across: Tensor, down: Tensor, x: Tensor) -> Tensor:
    """Where each pixel comes from, as grid_sample takes it: (batch, height, width, 2) in [-1, 1]."""
    height, width = x.shape[-2:]
    cos, sin = angle.deg2rad().cos(), angle.deg2rad().sin()
    centre = torch.stack([2 * across - 1, 2 * down - 1], 1).unsqueeze(2)  # (batch, 2, 1)
    rows = (torch.stack([cos, -sin * height / width], 1), torch.stack([sin * width / height, cos], 1))
    turn = torch.stack(rows, 1)  # (batch, 2, 2), in a square of side 2
    return affine_grid(
        torch.cat([turn, centre - turn @ centre], 2).to(x.dtype), list(x.shape), align_corners=False
    )


def _distance(across: Tensor, down: Tensor, x: Tensor) -> Tensor:
    """Of each pixel from the centre, in pixels."""
    right, below = (
        (torch.arange(n, device=x.device) + 0.5 - centre.unsqueeze(1) * n).square()
        for n, centre in ((x.shape[-1], across), (x.shape[-2], down))
    )
    square = below[:, None, :, None] + right[:, None, None, :]
    return (square + 1e-12).sqrt()  # at the centre itself a root has no slope
