"""Picture files through a run's output `denoise`: read, noised if asked, restored, written."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genframe import abilities, memory, patches, picture_files, sheets
from genframe.errors import Problem, RecipeError
from genframe.picture_files import ENDINGS, WRITTEN, Picture
from genframe.recipe.samplers import noise_of

if TYPE_CHECKING:
    from genframe.api import Model

OUTPUT = "denoise"
"""The output that is called: denoise(picture), or denoise(picture, level)."""

COPIES = 9
"""Floats that noise on a picture takes for each value at most, measured: 3 for Gaussian noise, 9 for blur and JPEG."""

GAP = 4
"""White pixels between the pictures of a strip."""


@dataclass(frozen=True, slots=True)
class Task:
    """A picture to be restored, and the files to be written: the result, and a strip if one is asked for."""

    source: Path
    target: Path
    strip: Path | None


def tasks(sources: Sequence[Path], target: Path, *, strip: bool = False, force: bool = False) -> list[Task]:
    """What to do. One picture goes to the file `target`; several, or those of folders, into the folder `target`.

    Raises RecipeError before anything is read: GF801 for files that are there, GF803 for a form that can't be written,
    GF821 for sources that are not there.
    """
    pictures = [picture for source in sources for picture in _pictures(source)]
    several = len(sources) > 1 or sources[0].is_dir()
    if several and target.suffix.lower() in WRITTEN and not target.is_dir():
        message = f"{len(pictures)} pictures go into a folder, and {target} names a picture"
        raise RecipeError(Problem("GF803", message))
    targets = _in_folder(pictures, target) if several or target.is_dir() else [target]
    made = [
        Task(source, to, to.with_name(f"{to.stem}-strip.png") if strip else None)
        for source, to in zip(pictures, targets, strict=True)
    ]
    _check_targets(made, force)
    return made


@dataclass
class Denoiser:
    """A model at work on picture files.

    noise: what is put on pictures first, `gaussian:0.3`, or a block `{use: ..., ...}`; None takes them as they are.
    level: how much noise a picture has, for outputs that take it; with `noise` it is known. seed: of the noise, and of
    whatever the model draws. Raises RecipeError: GF804 for a recipe that does not denoise pictures, GF823 for a level
    that is missing or not taken, GF824 for a noise that can't be put on pictures.
    """

    model: Model
    noise: str | None = None
    level: float | None = None
    seed: int = 0
    huge: bool = False
    titles: bool = True  # of strips
    shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        abilities.require(self.model, "denoise")
        arguments = self.model.outputs.arguments(OUTPUT)
        if arguments[1:] not in ((), ("level",)):
            message = f"the output {OUTPUT}({', '.join(arguments)}) takes more than a picture and a level"
            raise RecipeError(Problem("GF804", message, path=f"outputs.{OUTPUT}"))
        self._told = len(arguments) == 2
        self.shape = self._trained_shape()
        if self._told and self.level is None and self.noise is None:
            message = f"this denoiser is told how much noise there is: {OUTPUT}({', '.join(arguments)})"
            raise RecipeError(Problem("GF823", f"{message}; say it by --level, 0.3 say"))
        if not self._told and self.level is not None:
            message = f"this denoiser is blind: {OUTPUT}({', '.join(arguments)}) takes no level"
            raise RecipeError(Problem("GF823", f"{message}; leave out --level"))
        self._noise = self._built_noise() if self.noise is not None else None

    def run(self, task: Task, told: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
        """One picture. `told` hears which share is done. Raises GenframeError; then nothing was written."""
        started = time.perf_counter()
        picture = picture_files.read(task.source, self.huge)
        picture_files.check_form(picture, task.target)
        with self.model.outputs.evaluating(OUTPUT, "seeded", self.seed):
            noised, level = self._noised(picture)
            pixels, error = self._restored(picture, noised, level, told)
        made = picture.with_pixels(pixels)
        picture_files.write(made.image(), task.target, picture.profile)
        decibels = {} if noised is None else _decibels(picture, noised, error)
        if task.strip is not None:
            words = self._words(decibels, level) if self.titles else ""
            picture_files.write(sheets.labelled(_strip(picture, noised, made), title=words), task.strip)
        return self._report(task, picture, level, time.perf_counter() - started) | decibels

    def _words(self, decibels: dict[str, Any], level: float | None) -> str:
        """What the pictures of a strip are, from left to right."""
        parts = ["original"]
        if decibels:
            parts.append(
                f"{self.noise}{'' if level is None else f' at level {level:.3g}'}, {decibels['psnr_noised']:.2f} dB"
            )
        parts.append(f"restored, {decibels['psnr']:.2f} dB" if decibels else "restored")
        return "from left to right: " + "; ".join(parts)

    def _trained_shape(self) -> tuple[int, ...]:
        specs = self.model.outputs.plan.parts.specs.values()
        shapes = [spec.fields["x"].shape for spec in specs if "x" in spec.fields]
        if not shapes or len(shapes[0]) != 3 or shapes[0][0] not in (1, 3):
            came = "x".join(map(str, shapes[0])) if shapes else "nothing called x"
            message = f"the data of this run are no pictures, grey or in colour: {came}"
            raise RecipeError(Problem("GF804", message, path=f"outputs.{OUTPUT}"))
        return shapes[0]

    def _built_noise(self) -> Any:
        instance = noise_of(self.model.recipe, str(self.noise))
        noise = self.model.outputs.plan.parts.beside(instance, [self.shape])
        try:
            self._corrupted(noise, torch.rand(1, *self.shape))
        except (RuntimeError, TypeError, ValueError) as error:
            message = f"the noise {self.noise} can't be put on pictures: {error}"
            raise RecipeError(Problem("GF824", message, command="genframe list noise")) from error
        return noise

    @staticmethod
    def _corrupted(noise: Any, x: Tensor) -> tuple[Tensor, float]:
        noised, levels = noise(x)
        if noised.shape != x.shape:
            raise ValueError(f"it gives the shape {tuple(noised.shape)} of {tuple(x.shape)}")
        return noised, float(levels.table.reshape(len(x), -1)[0, 0])

    def _noised(self, picture: Picture) -> tuple[Tensor | None, float | None]:
        """The picture (channels, height, width) with noise, not clipped, and the level that it got."""
        if self._noise is None:
            return None, self.level
        _check_memory(picture)
        x = _floats(picture.pixels, picture.white).unsqueeze(0)
        torch.manual_seed(self.seed)
        noised, level = self._corrupted(self._noise, x)
        return noised[0], level if self.level is None else self.level

    def _restored(
        self, picture: Picture, noised: Tensor | None, level: float | None, told: Callable[[float], None]
    ) -> tuple[np.ndarray[Any, Any], float]:
        """Pixels as the picture's, and the sum of squared differences from it, on the scale of 0 to 1."""
        denoise = self.model.outputs[OUTPUT]
        device, grey = self.model.device, self.shape[0] == 1

        def net(x: Tensor) -> Tensor:
            """(batch, channels of the picture, height, width) -> the same, each channel alone by a grey model."""
            given = x.reshape(-1, 1, *x.shape[2:]) if grey else x.expand(-1, 3, -1, -1)
            levels = () if not self._told else (torch.full((len(given),), float(level or 0), device=device),)
            made: Tensor = denoise(given.to(device), *levels).float().cpu().clamp(0, 1)
            return (
                made.reshape(x.shape) if grey else (made if x.shape[1] == 3 else made.mean(1, keepdim=True))
            )

        def rows(places: Tensor) -> Tensor:
            if noised is not None:
                return noised[:, places]
            return _floats(picture.pixels[places.numpy()], picture.white)

        pixels, error = np.empty_like(picture.pixels), 0.0
        for top, band in patches.restored(rows, picture.size, (self.shape[1], self.shape[2]), net):
            bottom = top + band.shape[1]
            if noised is not None:
                clean = _floats(picture.pixels[top:bottom], picture.white)
                error += float((band - clean).double().square().sum())
            whole = (band * picture.white).round().permute(1, 2, 0).numpy()
            pixels[top:bottom] = whole.astype(picture.pixels.dtype)
            told(bottom / picture.size[0])
        return pixels, error

    def _report(self, task: Task, picture: Picture, level: float | None, seconds: float) -> dict[str, Any]:
        remarks = list(picture.remarks)
        if self.shape[0] == 1 and picture.channels == 3:
            remarks.append("each colour by itself, as the model knows one channel")
        if self.shape[0] == 3 and picture.channels == 1:
            remarks.append(
                "grey, as three equal colours: noise that is the same in all is not what the model learned"
            )
        return {
            "source": str(task.source),
            "target": str(task.target),
            "strip": None if task.strip is None else str(task.strip),
            "height": picture.size[0],
            "width": picture.size[1],
            "mode": picture.mode,
            "noise": self.noise,
            "level": level,
            "seed": self.seed,
            "remarks": remarks,
            "seconds": round(seconds, 3),
        }


def _check_memory(picture: Picture) -> None:
    """Raise RecipeError (GF822) where noise on the whole picture would not fit in memory: it may reach across it."""
    needed, free = COPIES * 4 * picture.pixels.size, memory.available()
    if free is not None and needed > free:
        height, width = picture.size
        message = (
            f"noise is put on a picture as a whole, which may take {memory.shown(needed)} of memory for "
        )
        message += (
            f"{width:,}x{height:,} pixels of {picture.channels} channels, and {memory.shown(free)} are free"
        )
        raise RecipeError(Problem("GF822", f"{message}: cut it into pieces, or leave out --noise"))


def _pictures(source: Path) -> list[Path]:
    """A file, or the pictures of a folder in the order of their names. Raises RecipeError (GF821)."""
    if source.is_dir():
        found = [
            path for path in sorted(source.iterdir()) if path.suffix.lower() in ENDINGS and path.is_file()
        ]
        if not found:
            raise RecipeError(
                Problem("GF821", f"the folder {source} holds no pictures ({', '.join(ENDINGS)})")
            )
        return found
    if not source.exists():
        raise RecipeError(Problem("GF821", f"there is no picture {source}"))
    return [source]


def _in_folder(pictures: Sequence[Path], folder: Path) -> list[Path]:
    """A PNG in the folder for each picture; where two have one name, with its ending: a.jpg.png."""
    stems = [picture.stem for picture in pictures]
    names = [p.stem if stems.count(p.stem) == 1 else p.name for p in pictures]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                Problem("GF801", f"two of the pictures are called {name}: put them into two folders")
            )
    return [folder / f"{name}.png" for name in names]


def _check_targets(made: Sequence[Task], force: bool) -> None:
    problems = []
    for task in made:
        if task.target.suffix.lower() not in WRITTEN:
            message = f"the name {task.target.name!r} says no form: it must end in {', '.join(WRITTEN)}"
            problems.append(Problem("GF803", message))
        for path in (task.target, task.strip):
            if path is not None and path.exists() and not force:
                itself = path.resolve() == task.source.resolve()
                what = "is the picture itself" if itself else "is there already"
                problems.append(Problem("GF801", f"{path} {what}; --force overwrites it"))
    RecipeError.collect(problems)


def _floats(pixels: np.ndarray[Any, Any], white: int) -> Tensor:
    """(height, width, channels) -> (channels, height, width) in [0, 1]."""
    floats = pixels.astype(np.float32)
    return torch.from_numpy(np.divide(floats, white, out=floats)).permute(2, 0, 1)


def _decibels(picture: Picture, noised: Tensor, error: float) -> dict[str, Any]:
    before = 0.0
    for top in range(0, picture.size[0], 256):  # band by band, as a picture may be large
        clean = _floats(picture.pixels[top : top + 256], picture.white)
        before += float((noised[:, top : top + 256].clamp(0, 1) - clean).double().square().sum())
    size = picture.pixels.size
    return {"psnr_noised": _psnr(before / size), "psnr": _psnr(error / size)}


def _psnr(error: float) -> float:
    return round(-10 * float(np.log10(max(error, 1e-10))), 3)


def _strip(picture: Picture, noised: Tensor | None, made: Picture) -> Image.Image:
    """The picture, noised if it was, and restored, side by side: 8 bits, on white."""
    shown = [picture.pixels, made.pixels]
    if noised is not None:
        shown.insert(1, (noised.clamp(0, 1) * picture.white).round().permute(1, 2, 0).numpy())
    eight = [(pixels.astype(np.float32) * (255 / picture.white)).round().astype(np.uint8) for pixels in shown]
    gap = np.full((picture.size[0], GAP, picture.channels), 255, np.uint8)
    sheet = np.concatenate([part for pixels in eight for part in (gap, pixels)][1:], axis=1)
    return Image.fromarray(sheet.squeeze(2) if picture.channels == 1 else sheet)
