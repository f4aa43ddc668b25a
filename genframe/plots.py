"""Examples that are no pictures: vectors as lines over their numbers, points of a plane, maps over a plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from genframe import charts, pictures

MOST_LINES = 200
"""Vectors that are drawn at most."""

MOST_CURVES = 12
"""Numbers of a vector that are drawn at most as they change."""

_BEHIND = (205, 205, 205)
_INK = (60, 60, 60)
_COLOUR = (31, 95, 180)


def vectors(
    samples: Tensor, reference: Tensor | None = None, size: tuple[int, int] = (640, 400)
) -> Image.Image:
    """Vectors (n, d) as a line each over the numbers 0 to d - 1, in colour over `reference` (m, d) in grey.

    Of one number, n values from the least to the largest. The frame holds all finite values of both.
    """
    lines = _lines(samples)
    behind = _lines(reference) if reference is not None else lines[:0]
    both = torch.cat([lines, behind]) if behind.shape[1:] == lines.shape[1:] else lines
    frame = _Frame(both, size)
    for line in behind:
        frame.line(line, _BEHIND)
    for line in lines:
        frame.line(line, _COLOUR)
    left = "values by rank" if samples.flatten(1).shape[1] == 1 else "values by number"
    frame.note(
        f"{left}, {min(len(samples), MOST_LINES)} of {len(samples)} shown"
        if len(samples) > MOST_LINES
        else left
    )
    return frame.image


def along(
    x: Tensor, at: Sequence[float], names: Sequence[str], across: str, size: tuple[int, int] = (640, 300)
) -> Image.Image:
    """Vectors (rows, steps, d) that change over `at` (steps): a panel for each row, a curve for each number."""
    groups = {}
    for name, row in zip(names, x.detach().flatten(2).float().cpu(), strict=True):
        numbers = range(min(row.shape[1], MOST_CURVES))
        curves = {f"x[{k}]": list(zip(at, row[:, k].nan_to_num().tolist(), strict=True)) for k in numbers}
        groups[name] = curves
    return charts.chart(groups, size, across=across)


def paths(ways: Sequence[Tensor], reference: Tensor | None = None, size: int = 480) -> Image.Image:
    """Points (steps, 2) of several ways, joined by lines, over reference points (m, 2) in grey."""
    return pictures.scatter(torch.cat(list(ways)), reference, size, ways=ways)


def maps(x: Tensor) -> Tensor:
    """Vectors at the points of a plane (rows, columns, d) as pictures (d, 1, rows, columns), each from black to white.

    At most sixteen of the d numbers; that of a number which does not change is grey.
    """
    planes = x.detach().float().cpu().flatten(2).permute(2, 0, 1)[:16]
    low, high = planes.amin((1, 2), keepdim=True), planes.amax((1, 2), keepdim=True)
    return torch.where(high > low, (planes - low) / (high - low).clamp_min(1e-12), 0.5).unsqueeze(1)


def _lines(values: Tensor) -> Tensor:
    """(lines, places): vectors as they are, single numbers sorted into one line."""
    flat = values.detach().float().cpu().flatten(1)
    return flat.flatten().sort().values[None] if flat.shape[1] == 1 else flat[:MOST_LINES]


class _Frame:
    """A coordinate system of lines over places."""

    def __init__(self, shown: Tensor, size: tuple[int, int]) -> None:
        finite = shown[shown.isfinite()]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (-1.0, 1.0)
        self.low, self.high = (low, high) if high > low else (low - 1, high + 1)
        self.image = Image.new("RGB", size, "white")
        self._pen = ImageDraw.Draw(self.image)
        self._box = (52, 12, size[0] - 12, size[1] - 30)
        for value in charts.round_values(self.low, self.high):
            y = self._y(value)
            self._pen.line((self._box[0], y, self._box[2], y), fill=(235, 235, 235))
            self._pen.text((self._box[0] - 6, y), f"{value:g}", fill=_INK, anchor="rm")
        self._pen.rectangle(self._box, outline=_INK)

    def _y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self._box[3] - (self._box[3] - self._box[1]) * share

    def line(self, values: Tensor, colour: tuple[int, int, int]) -> None:
        """A line through the finite values of one vector."""
        step = (self._box[2] - self._box[0]) / max(len(values) - 1, 1)
        spots = [
            (self._box[0] + step * place, self._y(value))
            for place, value in enumerate(values.tolist())
            if value == value and abs(value) != float("inf")
        ]
        self._pen.line(spots, fill=colour, width=1)
        if len(spots) == 1:
            x, y = spots[0]
            self._pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)

    def note(self, text: str) -> None:
        self._pen.text((self._box[2], self._box[3] + 6), text, fill=_INK, anchor="rt")
