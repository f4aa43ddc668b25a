"""Pictures with words: a grid with a title, and what its rows and columns are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from genframe import pictures

LEAST = 40
"""Pixels a side that a small picture is enlarged to, by a whole number: room for a word above it."""

BESIDE = 16
"""The same for one that needs no word above it: room for one at its left."""

MOST_CHANNELS = 16
"""Channels that are shown beside each other, of pictures that are neither grey nor coloured."""

_INK = (40, 40, 40)
_LINE = 14  # pixels from line to line of Pillow's default font
_EDGE = 6


def drawable(examples: Tensor) -> bool:
    """Whether examples (n, ...) are pictures: (n, channels, height, width), or (n, height, width) of one channel."""
    return (
        examples.ndim in (3, 4)
        and len(examples) > 0
        and examples[0].numel() > 0
        and min(examples.shape[-2:]) > 1
    )


def viewable(examples: Tensor) -> Tensor:
    """Pictures as (n, 1 or 3, height, width): those of other channels have these side by side, grey."""
    images = examples.unsqueeze(1) if examples.ndim == 3 else examples
    channels = images.shape[1]
    if channels in (1, 3):
        return images
    beside = F.pad(
        images[:, :MOST_CHANNELS].float(), (0, 1), value=pictures.GAP
    )  # a line between two channels
    return beside.transpose(1, 2).flatten(2)[:, None, :, :-1]  # (n, 1, height, channels * (width + 1) - 1)


def enlarged(images: Tensor, least: int = LEAST) -> Tensor:
    """Pictures (n, channels, height, width) by a whole number larger, so that no side is below `least`."""
    scale = max(1, -(-least // min(images.shape[2:])))
    return images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)


def sheet(
    examples: Tensor,
    columns: int | None = None,
    *,
    title: str = "",
    above: Sequence[str] = (),
    left: Sequence[str] = (),
    right: Sequence[str] = (),
    padding: int = 2,
    least: int = LEAST,
) -> Image.Image:
    """Pictures (n, [channels,] height, width) in [0, 1] as a grid of `columns`, with words around it.

    above: a word for each column; where they would run into each other, for every second, third ... of them. left,
    right: for each row. Without any words, the grid as it is.
    """
    images = enlarged(viewable(examples), least)
    image = pictures.grid(images, columns, padding)
    if title and examples.ndim == 4 and examples.shape[1] not in (1, 3):
        title += f"; {examples.shape[1]} channels side by side"
    cell = (images.shape[3] + padding, images.shape[2] + padding)
    return labelled(image, cell, title=title, above=above, left=left, right=right)


def labelled(
    image: Image.Image,
    cell: tuple[int, int] = (1, 1),
    *,
    title: str = "",
    above: Sequence[str] = (),
    left: Sequence[str] = (),
    right: Sequence[str] = (),
) -> Image.Image:
    """An image of cells (width, height in pixels) with words around it, on white."""
    if not (title or above or left or right):
        return image
    before, after = (_width(words) + _EDGE + 2 if words else 0 for words in (left, right))
    width = max(image.width + before + after, min(_width([title]) + 2 * _EDGE, 420))
    head = _wrapped(title, width - 2 * _EDGE)
    top = (len(head) * _LINE + _EDGE if head else 0) + (_LINE + 4 if above else 0)
    made = Image.new("RGB", (width, image.height + top), "white")
    made.paste(image, (before, top))
    pen = ImageDraw.Draw(made)
    for line, text in enumerate(head):
        pen.text((_EDGE, line * _LINE + _EDGE // 2 + _LINE // 2), text, fill=_INK, anchor="lm")
    stride = -(-(_width(above) + 4) // cell[0]) if above else 1
    for column in range(0, len(above), stride):
        pen.text(
            (before + (column + 0.5) * cell[0], top - _LINE / 2 - 1), above[column], fill=_INK, anchor="mm"
        )
    for words, x, anchor in ((left, before - 4, "rm"), (right, before + image.width + 4, "lm")):
        for row, text in enumerate(words):
            pen.multiline_text((x, top + (row + 0.5) * cell[1]), text, fill=_INK, anchor=anchor)
    return made


def _width(words: Sequence[str]) -> int:
    """Pixels of the widest line of these."""
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    return max((round(pen.textlength(line)) for text in words for line in text.split("\n")), default=0)


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of a title that are as wide at most; a word that is wider stands alone."""
    if not text:
        return []
    letters = max(1, round(len(text) * width / max(_width([text]), 1)))
    return [line for part in text.split("\n") for line in textwrap.wrap(part, letters)]
