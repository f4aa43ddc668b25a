"""A picture file in a terminal: two pixels a character, the upper half block in one colour over another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from genframe.live.lines import Line

SMALLEST = 14
"""Pixels that a side of one picture of a grid has at least: fewer, and a digit is none. Less of the grid is shown."""

_STYLES: dict[tuple[int, ...], Style] = {}

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def half_blocks(path: Path, width: int, height: int) -> list[Line]:
    """The picture on at most `height` lines of `width` columns: of a grid the first pictures, anything else whole.

    No line where the file is not there any more, or is no picture.
    """
    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return []
    image = _few(image, width, 2 * height)
    scale = min(width / image.width, 2 * height / image.height, max(1.0, 2 * SMALLEST / min(image.size)))
    size = (max(round(image.width * scale), 1), max(round(image.height * scale / 2), 1) * 2)
    pixels: Pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return [_line(pixels[row], pixels[row + 1]) for row in range(0, len(pixels), 2)]


def _few(image: Image.Image, width: int, height: int) -> Image.Image:
    """Of a grid, so many of the first rows and columns that each picture can be made out."""
    pixels: Pixels = np.asarray(image)
    across, down = _period(pixels, 1), _period(pixels, 0)
    if across is None or down is None:
        return image
    columns = min(max(width // SMALLEST, 1), image.width // across)
    # As many as are as large as those that the width has room for.
    scale = min(width / (columns * across), 1.0)
    rows = min(max(int(height / (down * scale)), 1), image.height // down)
    return image.crop((0, 0, columns * across, rows * down))


def _period(pixels: Pixels, axis: int) -> int | None:
    """From one line between pictures of a grid to the next, along an axis; None where there are none such."""
    corner = pixels[0, 0]
    between = (pixels == corner).all(axis=2).all(axis=1 - axis)  # lines of the colour of the gap
    starts = np.flatnonzero(between & ~np.concatenate([[False], between[:-1]]))
    steps = set(np.diff(starts[:-1] if len(starts) > 2 else starts).tolist())
    return steps.pop() if len(steps) == 1 else None


def _line(upper: Pixels, lower: Pixels) -> Line:
    """Neighbours of the same two colours are one segment."""
    line: Line = []
    text, last = "", ()
    for pair in np.concatenate([upper, lower], axis=1).tolist():
        colours = tuple(pair)
        if colours != last and text:
            line.append(Segment(text, _style(last)))
            text = ""
        text, last = text + "▀", colours
    return [*line, Segment(text, _style(last))]


def _style(colours: tuple[int, ...]) -> Style:
    if colours not in _STYLES:
        if len(_STYLES) > 20_000:
            _STYLES.clear()
        _STYLES[colours] = Style(color=Color.from_rgb(*colours[:3]), bgcolor=Color.from_rgb(*colours[3:]))
    return _STYLES[colours]
