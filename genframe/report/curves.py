"""Rows of metrics.jsonl as curves that are small enough for a page: every group of columns, thinned by extremes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from itertools import repeat
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = 110_000
"""Numbers that a page's curves are made of at most: 0.8 MB."""

POINTS = (60, 1200)
"""Points of a curve, at least and at most."""

TITLES = {
    "terms": "Terms",
    "weighted": "Terms, weighted",
    "validation": "Validation",
    "lr": "Learning rate",
    "images_per_second": "Examples per second",
    "gradient_norm": "Gradient norm",
    "update": "Update, relative to the weights",
    "gradient_share": "Share of the gradient norm, by player, component and term",
    "scheduled": "Scheduled values",
    "measured": "Measured by the alarms",
    "memory": "Memory, MB",
}
"""Columns of a row -> what they are called; others are called as they are."""

_ORDER = {key: place for place, key in enumerate(TITLES)}

_APART = ("step", "epoch", "time", "alarms", "histograms")

Floats = NDArray[np.float64]


class Columns:
    """The numbers of rows by group and name, row by row; what a row has not is NaN, and so is what is not finite."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self.steps = array("q")
        self.groups: dict[str, dict[str, array[float]]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        place = len(self.steps)
        self.steps.append(row["step"])
        for group, value in row.items():
            if group not in _APART:
                columns = self.groups.setdefault(group, {})
                for name, number in value.items() if isinstance(value, dict) else ((group, value),):
                    self._put(columns, name, number, place)

    def _put(self, columns: dict[str, array[float]], name: str, number: Any, place: int) -> None:
        if isinstance(number, dict):  # `measured: {alarm: {figure: 1.0}}` is the curve `alarm.figure`
            for key, inner in number.items():
                self._put(columns, f"{name}.{key}", inner, place)
        elif isinstance(number, (int, float)):
            column = columns.get(name)
            if column is None:
                column = columns[name] = array("d")
            if len(column) < place:
                column.extend(repeat(nan, place - len(column)))
            column.append(number if isfinite(number) else nan)


def curves(columns: Columns, numbers: int = NUMBERS) -> dict[str, Any]:
    """Groups of curves: `{"x": [steps ...], "groups": [{key, title, series: [{name, x, y, last}]}], "rows": n}`.

    A series' `x` says which of the lists of steps is its own. Where there are more rows than fit, each stretch of rows
    is drawn as its least and its greatest value, in the order they came, so that no spike is lost.
    """
    steps = np.array(columns.steps, dtype=np.int64)
    count = sum(len(group) for group in columns.groups.values())
    each = max(POINTS[0], min(POINTS[1], numbers // max(count, 1)))
    lists: list[list[int]] = []
    known: dict[tuple[int, ...], int] = {}
    titled = []
    for key in sorted(columns.groups, key=lambda key: _ORDER.get(key, len(_ORDER))):
        group = []
        for name, column in columns.groups[key].items():
            values = np.array(column, dtype=np.float64)
            there = np.flatnonzero(~np.isnan(values))
            if len(there):
                x, y = thinned(steps[there], values[there], each)
                place = known.setdefault(tuple(x.tolist()), len(lists))
                if place == len(lists):
                    lists.append(x.tolist())
                group.append(
                    {"name": name, "x": place, "y": _short(y), "last": _short(values[there[-1:]])[0]}
                )
        if group:
            titled.append({"key": key, "title": TITLES.get(key, key), "series": group})
    return {"x": lists, "groups": titled, "rows": len(steps), "points": min(each, len(steps))}


def thinned(steps: NDArray[np.int64], values: Floats, points: int) -> tuple[NDArray[np.int64], Floats]:
    """At most `points` of a curve without gaps: of each stretch the least and the greatest value.

    The places are two fixed ones of each stretch, so that curves of the same rows share their steps; the last point
    is there as it is.
    """
    if len(steps) <= points:
        return steps, values
    size = -(-len(steps) // (points // 2))
    stretches = -(-len(steps) // size)
    padded = np.full(stretches * size, np.nan)
    padded[: len(values)] = values
    table = padded.reshape(stretches, size)
    full = np.where(np.isnan(table), np.inf, table)
    least = full.argmin(1)
    greatest = np.where(np.isnan(table), -np.inf, table).argmax(1)
    order = np.sort(np.stack([least, greatest], 1), 1)
    picked = np.take_along_axis(table, order, 1).reshape(-1)
    starts = np.arange(stretches) * size
    ends = np.minimum(starts + size, len(steps)) - 1
    places = np.stack([starts, (starts + ends + 1) // 2], 1).reshape(-1)
    shown = np.append(steps[places], steps[-1])
    picked = np.append(picked, values[-1])
    keep = np.append(shown[1:] > shown[:-1], True)
    return shown[keep], picked[keep]


def _short(values: Floats) -> list[float]:
    """Five digits: more than can be seen."""
    return [float(f"{value:.5g}") for value in values.tolist()]
