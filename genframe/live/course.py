"""The course of a figure, and its picture in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"

MOST = 128
"""Points of a course that are kept: twice what the widest sparkline shows."""


class Course:
    """A figure from the first row to the last, in at most `MOST` points: when there are more, neighbours are joined."""

    def __init__(self) -> None:
        self._points: list[float] = []
        self._stride = 1
        self._sum, self._count = 0.0, 0  # of the point that is not whole yet

    def add(self, value: float) -> None:
        if not math.isfinite(value):
            return
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self._stride:
            return
        self._points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._points) == MOST:
            pairs = zip(self._points[::2], self._points[1::2], strict=True)
            self._points, self._stride = [(a + b) / 2 for a, b in pairs], 2 * self._stride

    def points(self, most: int) -> list[float]:
        """At most `most` means of neighbours, in order; fewer where there are not so many."""
        points = [*self._points, *([self._sum / self._count] if self._count else [])]
        n = len(points)
        if n <= most:
            return points
        edges = [round(i * n / most) for i in range(most + 1)]
        return [sum(points[a:b]) / (b - a) for a, b in pairwise(edges)]


def sparkline(points: Sequence[float]) -> str:
    """`█▅▃▂▁▁`: a bar a point. A few outliers, such as the first steps, do not flatten the rest: they are cut off."""
    if not points:
        return ""
    ordered = sorted(points)
    low = ordered[len(ordered) // 20]
    high = ordered[-1 - len(ordered) // 10]
    span = high - low
    if span <= 0:
        return BARS[3] * len(points)
    top = len(BARS) - 1
    return "".join(BARS[min(max(round((p - low) / span * top), 0), top)] for p in points)
