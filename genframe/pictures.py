"""Pictures of samples: grids of images, scatters of points, the manifold of a two-dimensional latent."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from genframe import durable

GAP = 0.15
"""The grey between images and of empty cells: told apart from black digits and from white paper."""

Colour = tuple[int, int, int]
_INK: Colour = (31, 95, 180)
_GREY: Colour = (190, 190, 190)
_FRAME: Colour = (60, 60, 60)


def grid(images: Tensor, columns: int | None = None, padding: int = 2) -> Image.Image:
    """Images (n, channels, height, width) in [0, 1] side by side, row by row, `padding` pixels around each.

    `columns` is by default what makes a square. Values outside [0, 1] are clipped and NaN is black. Raises
    ValueError for no image, or for other than one (grey) or three channels (colour).
    """
    if images.ndim != 4 or images.shape[0] == 0 or images.shape[1] not in (1, 3):
        expected = "(n, channels, height, width) with n > 0 and 1 or 3 channels"
        raise ValueError(f"a grid takes images {expected}, not {tuple(images.shape)}")
    n, channels, height, width = images.shape
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    rows = math.ceil(n / columns)
    pixels = images.detach().float().cpu().nan_to_num(0.0, 1.0, 0.0).clamp(0, 1)
    cells = torch.full((rows * columns, channels, height + padding, width + padding), GAP)
    cells[:n, :, padding:, padding:] = pixels
    lines = cells.reshape(rows, columns, *cells.shape[1:]).permute(
        2, 0, 3, 1, 4
    )  # channels, rows, height, columns, width
    sheet = torch.full(
        (channels, rows * (height + padding) + padding, columns * (width + padding) + padding), GAP
    )
    sheet[:, : sheet.shape[1] - padding, : sheet.shape[2] - padding] = lines.flatten(3).flatten(1, 2)
    array = (sheet * 255).round().to(torch.uint8).permute(1, 2, 0).squeeze(2).numpy()  # height, width[, 3]
    return Image.fromarray(array)


def pairs(originals: Tensor, reconstructions: Tensor, columns: int = 8, padding: int = 2) -> Image.Image:
    """A row of originals, below it their reconstructions, and so on; both (n, channels, height, width)."""
    if originals.shape != reconstructions.shape:
        shapes = f"{tuple(originals.shape)} and {tuple(reconstructions.shape)}"
        raise ValueError(f"originals and reconstructions differ in shape: {shapes}")
    columns = max(min(columns, originals.shape[0]), 1)
    missing = -originals.shape[0] % columns
    both = torch.stack([originals, reconstructions]).detach().float().cpu()  # (2, n, channels, height, width)
    padded = torch.nn.functional.pad(both, (0, 0) * 3 + (0, missing), value=GAP)
    rows = padded.reshape(2, -1, columns, *padded.shape[2:]).transpose(0, 1)  # (rows, 2, columns, ...)
    return grid(rows.flatten(0, 2), columns, padding)


def scatter(
    points: Tensor, reference: Tensor | None = None, size: int = 480, *, ways: Sequence[Tensor] = ()
) -> Image.Image:
    """Points (n, 2) in colour over `reference` points (m, 2) in grey, in a square frame of `size` pixels.

    ways: some of the points in their order (steps, 2), joined by lines; then the frame shows all of these too.

    Both axes have one scale. The frame shows all of the reference (without one, the points); what falls
    outside, or is not finite, is counted in a corner.
    """
    for given in (points, reference):
        if given is not None and (given.ndim != 2 or given.shape[1] != 2):
            raise ValueError(f"a scatter takes points (n, 2), not {tuple(given.shape)}")
    points = points.detach().float().cpu()
    behind = torch.empty(0, 2) if reference is None else reference.detach().float().cpu()
    shown = behind if len(behind) else points
    frame = _Frame(torch.cat([shown, points]) if ways else shown, size)
    frame.axes()
    frame.dots(behind, _GREY)
    for way in ways:
        frame.way(way.detach().float().cpu(), _INK)
    outside = frame.dots(points, _INK)
    if outside:
        frame.note(f"{outside} of {len(points)} outside")
    return frame.image()


def picture_of(samples: Tensor, reference: Tensor | None = None) -> Image.Image | None:
    """The picture that the shape of `samples` asks for: a grid for images, a scatter for pairs, else None.

    `reference` are data of the same shape, shown behind points.
    """
    if samples.ndim == 4 and samples.shape[1] in (1, 3):
        return grid(samples)
    if samples.ndim == 2 and samples.shape[1] == 2:
        return scatter(samples, reference)
    return None


def manifold(decode: Callable[[Tensor], Tensor], side: int = 20, margin: float = 0.02) -> Image.Image:
    """What a decoder makes of a two-dimensional standard normal latent: `side` times `side` images.

    The latents are quantiles of the normal from `margin` to `1 - margin` in equal steps of probability; the
    first runs to the right, the second upwards (Kingma & Welling 2014, figure 4). `decode` takes (side², 2)
    and gives images (side², channels, height, width).
    """
    quantiles = torch.special.ndtri(torch.linspace(margin, 1 - margin, side, dtype=torch.float64)).float()
    up, right = torch.meshgrid(quantiles.flip(0), quantiles, indexing="ij")
    with torch.no_grad():
        images = decode(torch.stack([right.flatten(), up.flatten()], dim=1))  # (side * side, ...)
    return grid(images, columns=side, padding=0)


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all. Raises RunError (GF716) when the disk is full."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    with durable.reported(path.name, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, buffer.getvalue())


def save_gif(images: Tensor, path: Path, seconds: float = 0.08, least: int = 196) -> None:
    """Images (n, channels, height, width) in [0, 1] as an endless animation, whole or not at all.

    Small ones are enlarged by a whole number, to at least `least` pixels a side.
    """
    scale = max(1, -(-least // min(images.shape[2:])))
    frames = [grid(image.unsqueeze(0), padding=0) for image in images]
    large = [
        frame.resize((frame.width * scale, frame.height * scale), Image.Resampling.NEAREST)
        for frame in frames
    ]
    save_frames(large, path, seconds)


def save_frames(frames: Sequence[Image.Image], path: Path, seconds: float = 0.08) -> None:
    """Frames as an endless animation, whole or not at all. Raises RunError (GF716) when the disk is full."""
    frames = _alike(frames)
    buffer = io.BytesIO()
    rest = {"save_all": True, "append_images": frames[1:], "duration": round(1000 * seconds), "loop": 0}
    frames[0].save(buffer, format="GIF", **rest)
    with durable.reported(path.name, path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(path, buffer.getvalue())


def _alike(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """Frames of one size, smaller ones on white, and of one mode."""
    width, height = max(frame.width for frame in frames), max(frame.height for frame in frames)
    modes = {frame.mode for frame in frames}
    made = []
    for frame in frames:
        if frame.size != (width, height) or len(modes) > 1:
            sheet = Image.new("RGB", (width, height), "white")
            sheet.paste(frame, (0, 0))
            made.append(sheet)
        else:
            made.append(frame)
    return made


class _Frame:
    """A square coordinate system; drawn at twice its size and shrunk, so that dots are round."""

    def __init__(self, shown: Tensor, size: int) -> None:
        """`shown` (n, 2) is what has to fit in."""
        finite = shown[shown.isfinite().all(dim=1)]
        low, high = (finite.amin(0), finite.amax(0)) if len(finite) else (-torch.ones(2), torch.ones(2))
        reach = float((high - low).amax()) * 0.55 or 1.0  # half the longer side and a tenth of it as margin
        self._centre = (low + high) / 2
        self._reach = reach
        self._size = size
        self._edge = 2 * 34  # room for the axes' numbers
        self._sheet = Image.new("RGB", (2 * size, 2 * size), "white")
        self._pen = ImageDraw.Draw(self._sheet)
        self._notes: list[tuple[tuple[float, float], str, str]] = []

    def axes(self) -> None:
        """The frame, and a number at each round value."""
        low, high = self._edge, 2 * self._size - self._edge
        self._pen.rectangle((low, low, high, high), outline=_FRAME, width=2)
        step = _round_step(self._reach / 3)
        for axis in (0, 1):
            centre = float(self._centre[axis])
            first = math.ceil((centre - self._reach) / step)
            for number in range(first, math.floor((centre + self._reach) / step) + 1):
                self._tick(axis, number * step)

    def dots(self, points: Tensor, colour: Colour, radius: int = 3) -> int:
        """Draw the points that lie inside; returns how many do not."""
        relative = (points - self._centre) / self._reach  # in [-1, 1] inside
        inside = relative[(relative.abs() <= 1).all(dim=1)]
        for x, y in self._pixels(inside).tolist():
            self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        return len(points) - len(inside)

    def way(self, points: Tensor, colour: Colour) -> None:
        """A line through points; those that are not finite are left out."""
        finite = points[points.isfinite().all(dim=1)]
        spots = [(x, y) for x, y in self._pixels((finite - self._centre) / self._reach).tolist()]
        if len(spots) > 1:
            self._pen.line(spots, fill=colour, width=2)

    def note(self, text: str) -> None:
        self._notes.append(((self._size - self._edge / 2, self._edge / 4), text, "rm"))

    def image(self) -> Image.Image:
        image = self._sheet.resize((self._size, self._size), Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(image)
        for place, text, anchor in self._notes:
            pen.text(place, text, fill=_FRAME, anchor=anchor)
        return image

    def _tick(self, axis: int, value: float) -> None:
        point = self._centre.clone()
        point[axis] = value
        x, y = self._pixels(((point - self._centre) / self._reach).unsqueeze(0))[0].tolist()
        low, high = self._edge, 2 * self._size - self._edge
        text = f"{value:.6g}"
        if axis == 0:
            self._pen.line((x, high, x, high + 8), fill=_FRAME, width=2)
            self._notes.append(((x / 2, high / 2 + 6), text, "mt"))
        else:
            self._pen.line((low - 8, y, low, y), fill=_FRAME, width=2)
            self._notes.append(((low / 2 - 6, y / 2), text, "rm"))

    def _pixels(self, relative: Tensor) -> Tensor:
        """Places on the sheet (n, 2) of points relative to the frame; y runs downwards there."""
        half = self._size - self._edge
        return self._size + relative * torch.tensor([half, -half])


def _round_step(step: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten that is not below `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
