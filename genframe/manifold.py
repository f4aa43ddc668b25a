"""A plane of codes and what it decodes to: of two latents the prior's whole, of more the two widest axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from genframe import abilities, conditions
from genframe.axes import Axes, principal_axes
from genframe.errors import Problem, RecipeError
from genframe.latents import Latents

if TYPE_CHECKING:
    from genframe.api import Model

MARGIN = 0.02
"""The share of the probability that is left out at each end: what a prior almost never draws."""


@dataclass(frozen=True)
class Plane:
    """A plane of codes, each point of which has two shares of probability in (0, 1).

    names: of what runs to the right and upwards. of: what the plane is, in words.
    """

    latents: Latents
    names: tuple[str, str]
    of: str
    axes: Axes | None = None

    def coordinates(self, shares: Tensor) -> Tensor:
        """Shares (n, 2) -> coordinates (n, 2): latents, or standard deviations along the axes."""
        if self.axes is not None:
            deviations: Tensor = torch.special.ndtri(shares.double()).float()
            return deviations
        columns = self.latents.quantiles(shares.flatten().cpu()).reshape(*shares.shape, 2)
        return torch.stack([columns[:, 0, 0], columns[:, 1, 1]], 1)

    def codes(self, coordinates: Tensor) -> Tensor:
        """Coordinates (n, 2) -> codes (n, ...)."""
        if self.axes is not None:
            return self.axes.codes(coordinates)
        return coordinates.reshape(-1, *self.latents.middle().shape)

    def decode(self, coordinates: Tensor) -> Tensor:
        """What the points of the plane decode to: (n, ...)."""
        return self.latents.decode(self.codes(coordinates))


@dataclass(frozen=True)
class Manifold:
    """z and x (rows, columns, ...): the first row is the top, the highest of what runs `up` (rows,).

    across (columns,), up (rows,): coordinates. plane: which it is, to decode other points of it.
    """

    z: Tensor
    x: Tensor
    across: Tensor
    up: Tensor
    plane: Plane
    told: tuple[str, ...] = ()


def plane(model: Model, *, split: str | None = None, given: Mapping[str, Any] | None = None) -> Plane:
    """The plane of a model's codes that shows most.

    Of two latents it is all there is, laid out by the prior's inverse cdf, so that equal areas are equally probable
    (Kingma and Welling 2014, figure 4). Of more, the plane of the first two principal axes of q(z) through its mean, or
    of what takes their place where nothing encodes (`principal_axes`). Raises RecipeError (GF804, GF807).
    """
    abilities.require(model, "manifold")
    latents = Latents(model, given or {})
    conditions.missing(model, "decode", latents.conditions)
    if "encode" in model.outputs and not abilities.has(model, abilities.PRIOR):
        numbers = None
    else:
        numbers = latents.draw(1).numel()
    if numbers == 2:
        return Plane(latents, ("z[0]", "z[1]"), "the prior's plane")
    axes = principal_axes(model, 2, split, latents)
    if len(axes.spread) < 2:
        raise RecipeError(
            Problem("GF806", f"a plane has two axes, and codes have {len(axes.spread)}: try traverse")
        )
    first, second = (f"axis {k + 1} ({float(axes.share[k]):.0%})" for k in (0, 1))
    if axes.of == "p(z)":
        axes = _on_shell(axes, latents)
        of = "two directions of p(z) that change samples most"
    else:
        of = "the first two principal axes of q(z)"
    return Plane(latents, (first, second), of, axes)


def manifold(
    model: Model,
    *,
    side: int = 20,
    margin: float = MARGIN,
    split: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> Manifold:
    """`side` times `side` points of a model's plane, decoded; from `margin` to 1 - `margin` in equal steps of share.

    Raises RecipeError as `plane` does.
    """
    found = plane(model, split=split, given=given)
    shares = torch.linspace(margin, 1 - margin, side)
    both = found.coordinates(torch.stack([shares, shares], 1))
    across, up = both[:, 0], both[:, 1].flip(0)
    rows, columns = torch.meshgrid(up, across, indexing="ij")
    points = torch.stack([columns.flatten(), rows.flatten()], 1)
    z, x = found.codes(points), found.decode(points)
    said = (conditions.told(found.latents.conditions),) if found.latents.conditions else ()
    return Manifold(
        z.reshape(side, side, *z.shape[1:]), x.reshape(side, side, *x.shape[1:]), across, up, found, said
    )


def _on_shell(axes: Axes, latents: Latents) -> Axes:
    """The axes lengthened, so that a point at two standard deviations in each has the length of a usual draw.

    In many dimensions the middle of the prior is where no draw is, and a step of one deviation along two of them does
    not leave it.
    """
    drawn = (latents.draw(1000).flatten(1).float() - axes.mean).norm(dim=1).median()
    usual = (axes.spread.square() * 4).sum().sqrt()
    factor = (drawn / usual).clamp_min(1.0)
    return Axes(axes.mean, axes.directions, axes.spread * factor, axes.share, axes.shape, axes.of)
