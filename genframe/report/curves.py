"""Rows of metrics.jsonl as curves that are small enough for a page: every group of columns, thinned by extremes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    "measured": "Measured by the alarms",
}
"""Columns of a row -> what they are called; others are called as they are."""

_APART = ("step", "epoch", "time", "alarms")

Floats = NDArray[np.float64]


def curves(rows: Sequence[Mapping[str, Any]], numbers: int = NUMBERS) -> dict[str, Any]:
    """Groups of curves: `{"x": [steps ...], "groups": [{key, title, series: [{name, x, y, last}]}], "rows": n}`.

    A series' `x` says which of the lists of steps is its own. Where there are more rows than fit, each stretch of rows
    is drawn as its least and its greatest value, in the order they came, so that no spike is lost.
    """
    found = _columns(rows)
    steps = np.array([row["step"] for row in rows], dtype=np.int64)
    each = max(POINTS[0], min(POINTS[1], numbers // max(len(found), 1)))
    lists: list[list[int]] = []
    known: dict[tuple[int, ...], int] = {}
    groups: dict[str, list[dict[str, Any]]] = {}
    for (group, name), values in found.items():
        there = np.flatnonzero(~np.isnan(values))
        if not len(there):
            continue
        x, y = thinned(steps[there], values[there], each)
        key = tuple(x.tolist())
        if key not in known:
            known[key] = len(lists)
            lists.append(list(key))
        series = {"name": name, "x": known[key], "y": _short(y), "last": _short(values[there[-1:]])[0]}
        groups.setdefault(group, []).append(series)
    titled = [{"key": key, "title": TITLES.get(key, key), "series": s} for key, s in groups.items()]
    titled.sort(key=lambda group: list(TITLES).index(group["key"]) if group["key"] in TITLES else len(TITLES))
    return {"x": lists, "groups": titled, "rows": len(rows), "points": min(each, len(rows))}


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


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Floats]:
    """Each number of the rows by group and name: (rows,), NaN where a row has it not, or has no finite one."""
    found: dict[tuple[str, str], Floats] = {}
    for place, row in enumerate(rows):
        for group, value in row.items():
            if group in _APART:
                continue
            for name, number in _numbers(value, group):
                column = found.get((group, name))
                if column is None:
                    column = found[group, name] = np.full(len(rows), np.nan)
                column[place] = number
    for column in found.values():
        column[np.isinf(column)] = np.nan
    return found


def _numbers(value: Any, name: str, inside: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a column, those within mappings by their paths: `alarm.figure`."""
    if isinstance(value, (int, float)):
        yield inside or name, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, (int, float)):
                yield f"{inside}.{key}" if inside else key, inner
            elif isinstance(inner, Mapping):
                yield from _numbers(inner, name, f"{inside}.{key}" if inside else key)


def _short(values: Floats) -> list[float]:
    """Five digits: more than can be seen."""
    return [float(f"{value:.5g}") for value in values.tolist()]
