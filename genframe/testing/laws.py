"""A distribution as the checks see it: rows of flat events, the sort of law, and coordinates to integrate over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe.testing.kit import Failure, NotApplicable

PROBES = 1000
"""Samples from which the sort of a law is guessed."""

_CHUNK = 2**17
"""Numbers handed to one call of log_prob at most, so that a mixture of hundreds stays small."""


@dataclass
class Law:
    """A distribution with its batch flattened to rows and its event to `size` numbers; `label` stands in messages."""

    distribution: Distribution
    label: str

    @property
    def event_shape(self) -> tuple[int, ...]:
        return tuple(self.distribution.event_shape)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.distribution.batch_shape)

    @property
    def size(self) -> int:
        """Numbers in an event."""
        return math.prod(self.event_shape)

    @property
    def rows(self) -> int:
        return math.prod(self.batch_shape)

    def draw(self, n: int, method: str = "sample") -> Tensor:
        """Samples (n, rows, size), by `sample` or `rsample`; with the gradient that they have."""
        raw: Tensor = getattr(self.distribution, method)((n,))
        due = (n, *self.batch_shape, *self.event_shape)
        if tuple(raw.shape) != due:
            raise Failure(
                f"{method}([{n}]) of {self.label} has the shape {due}, samples, batch and event",
                came=f"the shape {tuple(raw.shape)}",
            )
        return raw.reshape(n, self.rows, self.size)

    def scored(self, n: int) -> tuple[Tensor, Tensor]:
        """Samples (n, rows, size) with their log_prob (n, rows): also of laws that know it of own samples alone."""
        raw = self.distribution.sample((n,))
        scores = self._scores(self.distribution.log_prob(raw), n)
        return raw.reshape(n, self.rows, self.size), scores

    def log_prob(self, points: Tensor) -> Tensor:
        """log_prob in double precision (n, rows) of points (n, rows, size): -inf outside of a support that is told."""
        step = max(1, _CHUNK // max(1, self.rows * self.size))
        return torch.cat([self._log_prob(part) for part in torch.split(points, step)])

    def _log_prob(self, points: Tensor) -> Tensor:
        inside = self._inside(points)
        value = torch.where(inside.unsqueeze(-1), points.to(self.anchor), self.anchor)
        value = value.reshape(len(points), *self.batch_shape, *self.event_shape)
        scores = self._scores(self.distribution.log_prob(value), len(points))
        return torch.where(inside, scores, -math.inf)

    def _scores(self, found: Tensor, n: int) -> Tensor:
        if tuple(found.shape) != (n, *self.batch_shape):
            raise Failure(
                f"log_prob of {self.label} sums over the event {self.event_shape}: shape {(n, *self.batch_shape)}",
                came=f"the shape {tuple(found.shape)}",
                hint="sum over the event's dimensions, and over no others",
            )
        return found.double().reshape(n, self.rows)

    def _inside(self, points: Tensor) -> Tensor:
        """Whether points (n, rows, size) lie in the support that the distribution tells: (n, rows)."""
        support = self.support
        if support is None:
            return torch.ones(points.shape[:2], dtype=torch.bool)
        told: Tensor = support.check(points.reshape(len(points), *self.batch_shape, *self.event_shape))
        return told.reshape(len(points), self.rows, -1).all(-1)

    def holds(self, value: Tensor) -> bool:
        """Whether the support, where it is told, holds values (samples ..., batch ..., *event)."""
        return self.support is None or bool(self.support.check(value).all())

    @cached_property
    def anchor(self) -> Tensor:
        """One sample (1, rows, size): stands in for points outside of the support."""
        return self.draw(1).detach()

    @cached_property
    def support(self) -> Any:
        """torch's constraint, or None where the distribution tells none."""
        try:
            return self.distribution.support
        except (NotImplementedError, AttributeError):
            return None

    @property
    def is_unbounded(self) -> bool:
        """Whether nothing tells of bounds: discrete, or of a support that is all of R, or that is not told."""
        whole = self.support is None or "real" in repr(self.support).lower()
        return self.sort == "discrete" or (whole and getattr(self.chart_or_none, "flat", True))

    @cached_property
    def sort(self) -> str:
        """`continuous`, `discrete`, `constant` (a point mass) or `mixed`.

        A support says whether it is discrete; else coordinates that repeat among samples are. Raises Failure where
        all samples of one call are the same, and those of another call others.
        """
        drawn = self.draw(PROBES).detach()
        if torch.equal(drawn, drawn[:1].expand_as(drawn)):
            if torch.equal(self.draw(1).detach(), drawn[:1]):
                return "constant"
            raise Failure(
                f"the samples of {self.label} in one call of sample([n]) are drawn each for itself",
                came="all of them are equal, and those of another call are others",
                hint="draw noise of the whole shape (*sample_shape, *batch_shape, *event_shape)",
            )
        if self.support is not None:
            return "discrete" if self.support.is_discrete else "continuous"
        distinct = [len(torch.unique(column)) / PROBES for column in drawn.flatten(1).T]
        if max(distinct) < 0.6:
            return "discrete"
        return "continuous" if min(distinct) > 0.97 else "mixed"

    @cached_property
    def answers(self) -> bool:
        """Whether log_prob answers for any value, and not only for the law's own samples."""
        drawn, chart = self.draw(8).detach(), self.chart_or_none
        if chart is not None:  # between two samples, where a law of such a chart has its density
            places = chart.coordinates(drawn)
            drawn = chart.points(places.lerp(places.roll(1, 0), 1e-3))[0]
        try:
            self.log_prob(drawn.clone())
        except Failure:
            raise
        except Exception:
            return False
        return True

    @cached_property
    def chart_or_none(self) -> Chart | None:
        return next(charts(self.draw(PROBES).detach()), None) if self.sort == "continuous" else None

    @property
    def chart(self) -> Chart:
        """Coordinates of a continuous law whose log_prob answers anywhere. Raises NotApplicable for other laws."""
        if self.sort == "discrete":
            raise NotApplicable(f"{self.label} is a discrete law: its probabilities are summed")
        if self.sort != "continuous":
            raise NotApplicable(f"{self.label} has no density: its law is {self.sort}")
        if not self.answers:
            raise NotApplicable(f"log_prob of {self.label} answers for its own samples alone")
        if self.chart_or_none is None:
            raise NotApplicable(f"the kit has no coordinates for the manifold that {self.label} lives on")
        return self.chart_or_none

    def density(self, coordinates: Tensor) -> Tensor:
        """exp(log_prob), (n, rows), at coordinates (n, rows, dimension) of its chart; with gradient."""
        points, inside = self.chart.points(coordinates)
        return torch.where(inside, self.log_prob(points).exp(), 0.0)


class Chart:
    """Coordinates u (n, rows, dimension) of the points that a law lives on; its density is one with respect to du.

    This one is the identity, for laws on all of R^size or a part of it.
    """

    flat = True

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def coordinates(self, points: Tensor) -> Tensor:
        return points

    def points(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """The points (n, rows, size), and whether each lies where the law lives: (n, rows)."""
        return coordinates, torch.ones(coordinates.shape[:-1], dtype=torch.bool)


class Simplex(Chart):
    """Non-negative numbers that sum to one, by all but the last of them, as torch has Dirichlet and Concrete laws."""

    flat = False

    def coordinates(self, points: Tensor) -> Tensor:
        return points[..., :-1]

    def points(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        last = 1 - coordinates.sum(-1, keepdim=True)
        return torch.cat([coordinates, last.clamp(min=0)], -1), last.squeeze(-1) > 0


class Circle(Chart):
    """Unit vectors of the plane by their angle: the density is one per radian."""

    flat = False

    def coordinates(self, points: Tensor) -> Tensor:
        return torch.atan2(points[..., 1:], points[..., :1])

    def points(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        points = torch.cat([coordinates.cos(), coordinates.sin()], -1)
        return points, torch.ones(coordinates.shape[:-1], dtype=torch.bool)


class Sphere(Chart):
    """Unit vectors of space by height and longitude: dA = dz dphi (Archimedes), so the density is one per area."""

    flat = False

    def coordinates(self, points: Tensor) -> Tensor:
        return torch.stack([points[..., 2], torch.atan2(points[..., 1], points[..., 0])], -1)

    def points(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        height, longitude = coordinates.unbind(-1)
        radius = (1 - height.square()).clamp(min=0).sqrt()
        points = torch.stack([radius * longitude.cos(), radius * longitude.sin(), height], -1)
        return points, height.abs() <= 1


def charts(samples: Tensor) -> Iterator[Chart]:
    """The chart for a continuous law of such samples (n, rows, size); none for manifolds that the kit does not know."""
    size = samples.shape[-1]
    if size > 1 and torch.allclose(samples.norm(dim=-1), torch.ones(()), atol=1e-4):
        if size <= 3:
            yield Circle(1) if size == 2 else Sphere(2)
    elif size > 1 and torch.allclose(samples.sum(-1), torch.ones(()), atol=1e-4):
        yield Simplex(size - 1)
    else:
        yield Chart(size)
