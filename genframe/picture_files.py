"""Picture files of any mode as arrays, and back: nothing is lost on the way that the model does not change."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from genframe import durable
from genframe.errors import Problem, RecipeError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Files of a folder that are taken for pictures."""

WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".tif": ("TIFF", {"compression": "tiff_deflate"}),
    ".tiff": ("TIFF", {"compression": "tiff_deflate"}),
    ".webp": ("WEBP", {"lossless": True}),
    ".bmp": ("BMP", {}),
}
"""Ending -> Pillow's format, and how it is saved."""

MOST_PIXELS = 178_956_970
"""More are taken for a decompression bomb, as Pillow does: 13,377 pixels square."""

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    IndexError,
    KeyError,
    struct.error,
    zlib.error,
)
"""What Pillow's readers raise of files that are cut off, altered, or no pictures."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels (height, width, channels), uint8 or uint16, 1 channel (grey) or 3; what else the file held.

    mode: Pillow's name of what the file was. alpha (height, width), uint8, or None. remarks: what was left aside.
    """

    pixels: np.ndarray[Any, Any]
    mode: str
    alpha: np.ndarray[Any, Any] | None = None
    profile: bytes | None = None
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[2])

    @property
    def white(self) -> int:
        return int(np.iinfo(self.pixels.dtype).max)

    def with_pixels(self, pixels: np.ndarray[Any, Any]) -> Picture:
        return replace(self, pixels=pixels)

    def image(self) -> Image.Image:
        """As Pillow has it: L, LA, RGB, RGBA or I;16."""
        image = Image.fromarray(self.pixels.squeeze(2) if self.channels == 1 else self.pixels)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image


def read(path: Path, huge: bool = False) -> Picture:
    """A picture upright, whatever its mode. Raises RecipeError: GF821 for what can't be read, GF822 for too large."""
    with _unlimited():
        try:
            with Image.open(path) as image:
                _check_size(path, image.size, huge)
                remarks = _remarks(image)
                profile = image.info.get("icc_profile")
                upright = ImageOps.exif_transpose(image)
                pixels, alpha, kept = _arrays(upright)
                return Picture(pixels, image.mode, alpha, profile if kept else None, remarks)
        except _BROKEN as error:
            reason = str(error).split(" <_io", 1)[0].strip() or type(error).__name__
            raise RecipeError(Problem("GF821", f"{path} can't be read as a picture: {reason}")) from error
        except MemoryError as error:
            raise RecipeError(
                Problem("GF822", f"{path} does not fit in memory; cut it into pieces")
            ) from error


def check_form(picture: Picture, target: Path) -> None:
    """Raise RecipeError (GF803), before anything is computed, where the form of `target` can't hold the picture."""
    form = WRITTEN[target.suffix.lower()][0]
    if picture.alpha is not None and form in ("JPEG", "BMP"):
        what = "the picture is transparent in places"
    elif picture.white > 255 and form not in ("PNG", "TIFF"):
        what = "the picture has 16 bits a pixel"
    else:
        return
    raise RecipeError(Problem("GF803", f"{what}, which {form} can't hold: name the target {target.stem}.png"))


def write(image: Image.Image, target: Path, profile: bytes | None = None) -> None:
    """Whole or not at all. Raises RunError (GF716) when the disk is full."""
    form, options = WRITTEN[target.suffix.lower()]
    more = {"icc_profile": profile} if profile and form != "BMP" else {}
    buffer = io.BytesIO()
    image.save(buffer, format=form, **options, **more)
    with durable.reported(target.name, target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        durable.write_bytes(target, buffer.getvalue())


def _check_size(path: Path, size: tuple[int, int], huge: bool) -> None:
    if size[0] * size[1] > MOST_PIXELS and not huge:
        message = (
            f"{path} has {size[0]:,} x {size[1]:,} pixels, more than {MOST_PIXELS:,}; a small file that says so may be "
            "made to fill the memory. If it is yours, add --huge"
        )
        raise RecipeError(Problem("GF822", message))


def _remarks(image: Image.Image) -> tuple[str, ...]:
    frames = getattr(image, "n_frames", 1)
    return (f"the first of {frames} frames",) if frames > 1 else ()


def _arrays(image: Image.Image) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None, bool]:
    """Pixels (height, width, 1 or 3), alpha, and whether the colours are those that the file's profile is about."""
    mode = image.mode
    if mode == "F":
        raise ValueError("its pixels are floats, whose white is unknown; convert it first")
    if mode.startswith("I"):
        return _sixteen_bits(image), None, True
    transparent = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    grey = mode in ("1", "L", "LA", "La")
    if transparent:
        image = image.convert("RGBA") if not grey or mode == "La" else image.convert("LA")
        grey = image.mode == "LA"
        array = np.asarray(image)
        return np.ascontiguousarray(array[..., :-1]), np.ascontiguousarray(array[..., -1]), True
    array = np.asarray(image.convert("L" if grey else "RGB"))
    return array.reshape(*array.shape[:2], -1), None, mode in ("1", "L", "P", "RGB", "RGBX")


def _sixteen_bits(image: Image.Image) -> np.ndarray[Any, Any]:
    pixels = np.asarray(image)
    if pixels.size and (pixels.min() < 0 or pixels.max() > 65535):
        raise ValueError("its pixels have more than 16 bits, and their white is unknown; convert it first")
    return pixels.astype(np.uint16)[:, :, None]


@contextmanager
def _unlimited() -> Iterator[None]:
    """Without Pillow's own limit, which knows no `huge` and warns before it raises: `_check_size` stands for it."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
