"""The pictures of an audit: codes over prior draws, and the rate of each dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw
from torch import Tensor

from genframe import pictures

_INK, _PALE = (60, 60, 60), (225, 225, 225)
_INFORMATION, _DIVERGENCE = (31, 95, 180), (214, 90, 20)
_MOST = 100
"""Dimensions that are drawn at most, those of the largest rate."""


def codes(points: Tensor, drawn: Tensor, names: Sequence[int]) -> Image.Image:
    """Codes (n, 2) in blue over prior draws (m, 2) in grey; `names` are the numbers of the two dimensions."""
    image = pictures.scatter(points, drawn)
    text = f"z[{names[0]}] across, z[{names[1]}] up; blue q(z), grey p(z)"
    ImageDraw.Draw(image).text((8, 4), text, fill=_INK)
    return image


def dimensions(rows: Sequence[Mapping[str, float]], width: int = 640, height: int = 300) -> Image.Image:
    """The rate of each dimension, largest first: what of it is index-code information, and what KL(q(z_j)||p(z_j)).

    Where these are not known the variance of the means is drawn.
    """
    parts = ("information", "divergence") if all("divergence" in row for row in rows) else ("rate",)
    parts = parts if all("rate" in row for row in rows) else ("variance_of_means",)
    tall = sorted((tuple(max(row[part], 0.0) for part in parts) for row in rows), key=sum, reverse=True)[
        :_MOST
    ]
    top = max((sum(bar) for bar in tall), default=0.0) or 1.0
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    left, upper, right, lower = 52, 30, width - 12, height - 24
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = lower - (lower - upper) * value
        pen.line((left, y, right, y), fill=_PALE)
        pen.text((left - 6, y), f"{value * top:.2g}", fill=_INK, anchor="rm")
    step = (right - left) / max(len(tall), 1)
    for place, bar in enumerate(tall):
        base = float(lower)
        for part, colour in zip(bar, (_INFORMATION, _DIVERGENCE), strict=False):
            edge = base - (lower - upper) * part / top
            x = left + place * step
            pen.rectangle((x + 0.1 * step, edge, x + 0.9 * step, base), fill=colour)
            base = edge
    title = {
        "information": "nats a dimension: I_q(n;z_j) blue, KL(q(z_j)||p(z_j)) orange",
        "rate": "KL(q(z_j|x)||p(z_j)), nats",
        "variance_of_means": "variance of E_q[z_j|x]",
    }[parts[0]]
    pen.text((left, 8), title, fill=_INK)
    pen.text(
        (right, height - 18), f"{len(tall)} of {len(rows)} dimensions, largest first", fill=_INK, anchor="ra"
    )
    return image
