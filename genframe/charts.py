"""Figures against a level as curves, and the filters of a first layer as pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from genframe import pictures

Curve = Sequence[tuple[float, float]]
"""Points (level, figure), by rising level."""

_LEVELLED = re.compile(r"(?P<name>.+)_(?P<level>\d+(\.\d+)?(e-?\d+)?)")
_COLOURS = (
    (31, 95, 180),
    (214, 90, 20),
    (40, 140, 60),
    (170, 50, 60),
    (120, 80, 170),
    (110, 110, 110),
    (190, 150, 20),
)
_INK = (60, 60, 60)
_PALE = (225, 225, 225)


def curves_of(figures: Mapping[str, float]) -> dict[str, dict[str, Curve]]:
    """Figures called NAME_LEVEL as curves by NAME, grouped by its first word: `psnr` with `psnr_median`, `ssim` ..."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, value in figures.items():
        matched = _LEVELLED.fullmatch(name)
        if matched and math.isfinite(value):
            curve = matched["name"]
            found.setdefault(curve.partition("_")[0], {}).setdefault(curve, []).append(
                (float(matched["level"]), value)
            )
    return {
        group: {name: sorted(points) for name, points in curves.items()} for group, curves in found.items()
    }


def chart(
    groups: Mapping[str, Mapping[str, Curve]], size: tuple[int, int] = (640, 400), across: str = "level"
) -> Image.Image:
    """A panel of `size` (width, height) for each group, one below the other; what a curve is stands at its side.

    across: what the first of a point's numbers is.
    Raises ValueError where there is no curve.
    """
    if not groups:
        raise ValueError("there are no figures NAME_LEVEL to draw")
    panels = [_panel(title, curves, size, across) for title, curves in groups.items()]
    sheet = Image.new("RGB", (size[0], size[1] * len(panels)), "white")
    for place, panel in enumerate(panels):
        sheet.paste(panel, (0, place * size[1]))
    return sheet


def filters(weight: Tensor, shape: Sequence[int]) -> Image.Image:
    """A first layer's filters as a grid: weights (n, values of the shape), or (n, 1 or 3, height, width).

    Grey is 0 and each filter has its own scale, the largest weight being black or white. Raises ValueError for others.
    """
    if weight.ndim == 2 and len(shape) == 3 and weight.shape[1] == math.prod(shape):
        weight = weight.reshape(-1, *shape)
    if weight.ndim != 4 or weight.shape[1] not in (1, 3):
        raise ValueError(
            f"weights of the shape {tuple(weight.shape)} are no filters of pictures {tuple(shape)}"
        )
    scale = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    shown = 0.5 + 0.5 * weight.detach() / scale
    enlarge = max(round(24 / max(shown.shape[2:])), 1)
    return pictures.grid(shown.repeat_interleave(enlarge, 2).repeat_interleave(enlarge, 3))


def first_layer(module: nn.Module) -> Tensor | None:
    """The weights of a module's first linear or convolutional layer, or what its own method `filters` gives."""
    own = getattr(module, "filters", None)
    if callable(own):
        return torch.as_tensor(own())
    layers: Iterable[nn.Module] = (m for m in module.modules() if isinstance(m, (nn.Linear, nn.Conv2d)))
    layer = next(iter(layers), None)
    return None if layer is None else torch.as_tensor(layer.weight)


def _panel(title: str, curves: Mapping[str, Curve], size: tuple[int, int], across: str) -> Image.Image:
    points = torch.tensor([point for curve in curves.values() for point in curve], dtype=torch.float64)
    low, high = points.amin(0), points.amax(0)
    span = (high - low).clamp_min(1e-9)
    left, top, right, bottom = 52, 26, size[0] - 170, size[1] - 34
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)

    def at(x: float, y: float) -> tuple[float, float]:
        across, up = (float(v) for v in ((torch.tensor([x, y]) - low) / span))
        return left + (right - left) * across, bottom - (bottom - top) * up

    for value in round_values(float(low[1]), float(high[1])):
        y = at(float(low[0]), value)[1]
        pen.line((left, y, right, y), fill=_PALE)
        pen.text((left - 6, y), f"{value:g}", fill=_INK, anchor="rm")
    levels = sorted({x for curve in curves.values() for x, _ in curve})
    for level in levels[:: 1 + len(levels) // 12]:
        x = at(level, float(low[1]))[0]
        pen.line((x, bottom, x, bottom + 4), fill=_INK)
        pen.text((x, bottom + 6), f"{level:g}", fill=_INK, anchor="mt")
    pen.line((left, top, left, bottom, right, bottom), fill=_INK)
    pen.text((left, top - 6), title, fill=_INK, anchor="ls")
    pen.text((right, size[1] - 4), across, fill=_INK, anchor="rs")
    heights = []
    for place, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        spots = [at(*point) for point in curve]
        pen.line(spots, fill=colour, width=3 if place == 0 else 1)
        for x, y in spots:
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        heights.append((spots[-1][1], name, colour))
    free = float(top)
    for y, name, colour in sorted(heights):
        free = max(free, y)
        pen.text((right + 8, free), name, fill=colour, anchor="lm")
        free += 13
    return image


def round_values(low: float, high: float) -> list[float]:
    """Round values between two, three to five."""
    step = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
