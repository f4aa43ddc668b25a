"""What a model makes, drawn: samples, reconstructions, traversals, ways between codes, planes, walks.

Each is a picture with words around it: pictures as a grid, points of a plane as a scatter, other vectors as lines. A
title of None leaves out every word. What moves is a list of frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from genframe import pictures, plots, sheets
from genframe.errors import Problem, RecipeError
from genframe.interpolation import Interpolation
from genframe.manifold import Manifold
from genframe.traversal import Traversal
from genframe.walk import Walk

LARGE = 196
"""Pixels a side of a picture that is alone on its frame."""


def samples(
    x: Tensor,
    title: str | None,
    reference: Tensor | None = None,
    above: Sequence[str] = (),
    columns: int | None = None,
) -> Image.Image:
    """Draws x (n, ...); reference: data under points or lines; above: a word for each column."""
    if not sheets.drawable(x):
        return _titled(_of_vectors(x, reference), title)
    if title is None:
        return pictures.grid(sheets.viewable(x), columns)
    return sheets.sheet(x, columns, title=title, above=above, least=sheets.LEAST if above else sheets.BESIDE)


def beside(
    x: Tensor, made: Tensor, title: str | None, names: tuple[str, str] = ("original", "reconstruction")
) -> Image.Image:
    """Examples, and what became of each below it."""
    if not (sheets.drawable(x) and sheets.drawable(made)):
        return _titled(_of_vectors(made, x if x.shape == made.shape else None), title)
    one, other = sheets.viewable(x), sheets.viewable(made)
    if one.shape != other.shape:
        return samples(made, title)
    if title is None:
        return pictures.pairs(one, other)
    one, other = sheets.enlarged(one, sheets.BESIDE), sheets.enlarged(other, sheets.BESIDE)
    image = pictures.pairs(one, other)
    rows = -(-len(one) // 8)
    cell = (one.shape[3] + 2, one.shape[2] + 2)
    return sheets.labelled(image, cell, title=title, left=list(names) * rows)


def traversal(found: Traversal, title: str | None) -> Image.Image:
    """A row for each latent, its number before it, its values above."""
    names = [f"z[{latent}]" for latent in found.latents]
    values = [f"{float(value):.3g}" for value in found.values]
    flat = found.x.flatten(0, 1)
    if not sheets.drawable(flat):
        return _titled(_changing(found.x, found.values.tolist(), names, "the latent's value"), title)
    words = {} if title is None else {"title": title, "above": values, "left": names}
    return sheets.sheet(flat, len(values), **words, least=1 if title is None else sheets.LEAST)  # type: ignore[arg-type]


def traversal_frames(found: Traversal, title: str | None) -> list[Image.Image]:
    """All latents at once, each in its cell, forth and back."""
    names = [f"z[{latent}]" for latent in found.latents]
    columns = min(len(names), 5)
    frames = []
    for step, value in enumerate(found.values.tolist()):
        said = None if title is None else f"{title}\neach latent at {value:.2f}, from {', '.join(names)}"
        frames.append(_frame(found.x[:, step], said, columns))
    return _there_and_back(frames)


def interpolation(found: Interpolation, title: str | None, reference: Tensor | None = None) -> Image.Image:
    """A row for each way, with the examples themselves at both ends where there are some."""
    flat = found.x.flatten(0, 1)
    between = [f"{one} to {other}" for one, other in zip(found.names[:-1], found.names[1:], strict=True)]
    if not sheets.drawable(flat):
        if flat.shape[1:] == (2,):
            return _titled(plots.paths(list(found.x), reference), title)
        return _titled(plots.along(found.x, found.at.tolist(), between, "t"), title)
    cells, above = found.x, [f"{float(t):.2f}" for t in found.at]
    if found.ends is not None and found.ends.shape[1:] == found.x.shape[2:]:
        ends = found.ends.to(cells).unsqueeze(1)
        cells = torch.cat([ends[:-1], cells, ends[1:]], 1)
        above = ["original", *above, "original"]
    if title is None:
        return sheets.sheet(cells.flatten(0, 1), cells.shape[1], least=1)
    left, right = found.names[:-1], found.names[1:]
    return sheets.sheet(cells.flatten(0, 1), cells.shape[1], title=title, above=above, left=left, right=right)


def interpolation_frames(found: Interpolation, title: str | None) -> list[Image.Image]:
    """One picture that goes all ways, and back."""
    frames = []
    for way, (one, other) in enumerate(zip(found.names[:-1], found.names[1:], strict=True)):
        for step, t in enumerate(found.at.tolist()):
            said = None if title is None else f"{title}\n{one} to {other}, t = {t:.2f}"
            frames.append(_frame(found.x[way, step : step + 1], said, 1))
    return _there_and_back(frames)


def manifold(found: Manifold, title: str | None, reference: Tensor | None = None) -> Image.Image:
    """The plane as a grid, its coordinates beside it; of points the net that it becomes, of vectors a map a number."""
    side = len(found.across)
    flat = found.x.flatten(0, 1)
    if flat.shape[1:] == (2,):
        lines = [*found.x, *found.x.transpose(0, 1)]
        return _titled(plots.paths(lines, reference), title)
    if not sheets.drawable(flat):
        maps = plots.maps(found.x)
        names = [f"x[{k}]" for k in range(len(maps))]
        columns = min(len(maps), 4)
        if title is None:
            return sheets.sheet(maps, columns, least=120)
        said = f"{title}\neach number of x from its least (black) to its largest: {', '.join(names)}"
        return sheets.sheet(maps, columns, title=said, least=120)
    if title is None:
        return sheets.sheet(flat, side, padding=0, least=1)
    above = [f"{float(value):.1f}" for value in found.across]
    left = [f"{float(value):.1f}" for value in found.up]
    across, up = found.plane.names
    said = f"{title}\nto the right {across}, upwards {up}"
    return sheets.sheet(flat, side, title=said, above=above, left=left, padding=0, least=28)


def walk(found: Walk, title: str | None, reference: Tensor | None = None) -> Image.Image:
    """A row for each chain, a column for each step that is shown."""
    rows = found.x.transpose(0, 1)  # (chains, steps, ...)
    flat = rows.flatten(0, 1)
    names = [f"chain {chain}" for chain in range(len(rows))]
    if not sheets.drawable(flat):
        if flat.shape[1:] == (2,):
            return _titled(plots.paths(list(rows), reference), title)
        return _titled(_changing(rows[:4], [float(step) for step in found.steps], names[:4], "step"), title)
    if title is None:
        return sheets.sheet(flat, len(found.steps), least=1)
    above = [str(step) for step in found.steps]
    return sheets.sheet(flat, len(found.steps), title=title, above=above, left=names)


def walk_frames(found: Walk, title: str | None) -> list[Image.Image]:
    """All chains at once, a frame for each step."""
    return [
        _frame(x, None if title is None else f"{title}\nstep {step}", None)
        for step, x in zip(found.steps, found.x, strict=True)
    ]


def sample_frames(x: Tensor, title: str | None) -> list[Image.Image]:
    """Draws one after another: what a sampler's chain went through."""
    return [
        _frame(x[place : place + 1], None if title is None else f"{title}\ndraw {place}", 1)
        for place in range(len(x))
    ]


def _frame(x: Tensor, title: str | None, columns: int | None) -> Image.Image:
    if not sheets.drawable(x):
        shape = "x".join(map(str, x.shape[1:])) or "()"
        message = f"an example of the shape {shape} is no picture, of which a .gif could be made"
        raise RecipeError(Problem("GF803", f"{message}: write .png, .npy or .npz"))
    least = LARGE if len(x) == 1 else 2 * sheets.LEAST
    if title is None:
        return sheets.sheet(x, columns, padding=0 if len(x) == 1 else 2, least=least).convert("RGB")
    return sheets.sheet(x, columns, title=title, least=least)


def _of_vectors(x: Tensor, reference: Tensor | None) -> Image.Image:
    """Points of a plane as a scatter, other vectors as lines."""
    if x.shape[1:] == (2,):
        return pictures.scatter(x, reference)
    return plots.vectors(x, reference)


def _changing(x: Tensor, at: Sequence[float], names: Sequence[str], across: str) -> Image.Image:
    return plots.along(x, at, names, across)


def _titled(image: Image.Image, title: str | None) -> Image.Image:
    return image if title is None else sheets.labelled(image, (image.width, image.height), title=title)


def _there_and_back(frames: list[Image.Image]) -> list[Image.Image]:
    return [*frames, *frames[-2:0:-1]]
