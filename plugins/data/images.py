"""A folder of pictures as a dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genframe import Count, DataSpec, Field, FilePath, Problem, RecipeError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

_ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_SPLITS = ("train", "validation", "test")


class Images:
    """The pictures of a folder, in the order of their names: `x` (1 or 3, height, width).

    path: the folder. Where it has a subfolder `train`, its subfolders `train`, `validation` and `test` are
        the splits; else every picture is for training.
    size: height and width that pictures are brought to, one number or two; without it they must all have
        the size of the first.
    fit: `crop` scales the picture until it covers the size and cuts the middle out; `resize` stretches it.
    colour: `rgb` or `grey`.
    recursive: whether subfolders are read as well.

    What is transparent is laid on white, 16 bits are cut to 8, and a camera's note on which side is up is
    heeded. Raises RecipeError naming the file that can't be read.
    """

    def __init__(
        self,
        *,
        path: FilePath,
        size: Count | tuple[Count, Count] | None = None,
        fit: Literal["crop", "resize"] = "crop",
        colour: Literal["rgb", "grey"] = "rgb",
        recursive: bool = True,
    ) -> None:
        self.path = Path(path).expanduser()
        self.size = (size, size) if isinstance(size, int) else size
        self.fit = fit
        self.colour = colour
        self.recursive = recursive

    def spec(self) -> DataSpec:
        """The folder is listed; without `size`, the first picture is opened."""
        shape = (3 if self.colour == "rgb" else 1, *self._shape)
        return DataSpec(
            {"x": Field(shape, image=True)}, {split: len(files) for split, files in self._files.items()}
        )

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, channels, height, width)."""
        import torch

        rows = self.examples(split)
        x = torch.empty((len(rows), *self.spec().fields["x"].shape), dtype=torch.uint8)
        for i in range(len(rows)):
            x[i] = rows[i]["x"]
        return {"x": x}

    def examples(self, split: str) -> _Pictures:
        """The pictures of a split, each opened when it is asked for."""
        return _Pictures(self, self._files[split])

    def digest(self) -> str:
        """sha256 of the files' names and bytes; nothing is decoded."""
        digest = hashlib.sha256()
        for file in (file for files in self._files.values() for file in files):
            with file.open("rb") as content:
                bytes_of_file = hashlib.file_digest(content, "sha256").digest()
            digest.update(file.relative_to(self.path).as_posix().encode() + b"\0" + bytes_of_file)
        return digest.hexdigest()

    def picture(self, file: Path) -> Tensor:
        """One picture in its final form, uint8 (channels, height, width)."""
        import numpy as np
        import torch

        with _opened(file) as image:
            fitted = self._fitted(_flattened(image, "RGB" if self.colour == "rgb" else "L", file))
        height, width = self._shape
        if (fitted.height, fitted.width) != (height, width):
            raise _error(
                file,
                f"it is {fitted.height}x{fitted.width}, the first picture {height}x{width}; "
                "give a `size` that all are brought to",
            )
        pixels = np.array(fitted).reshape(height, width, -1)
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()

    @cached_property
    def _files(self) -> Mapping[str, list[Path]]:
        if not self.path.is_dir():
            raise _error(self.path, "there is no such folder")
        splits = [split for split in _SPLITS if (self.path / split).is_dir()]
        if "train" in splits:
            files = {split: self._listed(self.path / split) for split in splits}
        else:
            files = {"train": self._listed(self.path)}
        for split, found in files.items():
            if not found:
                raise _error(self.path, f"no pictures ({', '.join(sorted(_ENDINGS))}) for {split}")
        return files

    def _listed(self, folder: Path) -> list[Path]:
        found = folder.rglob("*") if self.recursive else folder.glob("*")
        pictures = (file for file in found if file.suffix.lower() in _ENDINGS and file.is_file())
        return sorted(pictures, key=lambda file: file.relative_to(folder).as_posix())

    @cached_property
    def _shape(self) -> tuple[int, int]:
        """Height and width of every picture."""
        if self.size is not None:
            return self.size
        from PIL import ImageOps

        first = self._files["train"][0]
        with _opened(first) as image:
            upright = ImageOps.exif_transpose(image)
            return upright.height, upright.width

    def _fitted(self, image: Image.Image) -> Image.Image:
        from PIL import Image, ImageOps

        if self.size is None or (image.height, image.width) == self.size:
            return image
        height, width = self.size
        if self.fit == "resize":
            return image.resize((width, height), Image.Resampling.BICUBIC)
        return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)


class _Pictures:
    """The rows that a DataLoader reads."""

    def __init__(self, images: Images, files: list[Path]) -> None:
        self.images = images
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        return {"x": self.images.picture(self.files[place])}


def _opened(file: Path) -> Image.Image:
    """A picture, decoded whole."""
    from PIL import Image

    try:
        image = Image.open(file)
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _error(file, f"not a picture that can be read: {error}") from error
    return image


def _flattened(image: Image.Image, mode: str, file: Path) -> Image.Image:
    """Upright, opaque, eight bits a channel, in the mode `L` or `RGB`."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F":
        raise _error(file, "its pixels are floats, whose white is unknown; convert it, or use `arrays`")
    if upright.mode.startswith("I"):
        upright = _eight_bits(upright, file)
    if upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    return upright.convert("RGB").convert(mode) if upright.mode == "RGBA" else upright.convert(mode)


def _eight_bits(image: Image.Image, file: Path) -> Image.Image:
    """A grey picture of 16 bits with 8; 65535 becomes 255."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 65535:
        raise _error(file, "its pixels have more than 16 bits, and their white is unknown; convert it first")
    return Image.fromarray((pixels >> 8).astype(np.uint8))


def _error(file: Path, reason: str) -> RecipeError:
    return RecipeError(Problem("GF601", f"{file}: {reason}"))
