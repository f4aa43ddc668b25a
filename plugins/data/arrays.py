"""A `.npy` or `.npz` file as a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from genframe import DataSpec, Field, FilePath, Problem, RecipeError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Array = np.ndarray[Any, Any]
    Form = tuple[tuple[int, ...], np.dtype[Any]]

_SPLITS = ("train", "validation", "test")
_FIELD = "x"


class Arrays:
    """Arrays of any shape, the first dimension the example.

    path: a `.npy` file, which becomes `x`; or an `.npz` file, each array of which becomes a wire of its
        name. `x_train`, `x_validation`, `x_test` say the split; an array with no such ending is for training.
    fields: which arrays to take, and the wires that they become, `{x: imgs, factors: latents_values}`.
    image: whether `x`, where it is of floats, holds pictures with values in [0, 1].
    grey: whether pictures in colour become grey, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Bytes (uint8) of three or four dimensions are pictures, and so is `x` with `image`: (n, h, w),
    (n, h, w, c) or (n, c, h, w). Where the last dimension is 1 or 3 it holds the channels, and is moved to
    the front; else the second does. Other floats become float32 and are taken as they are, booleans 0.0 and
    1.0, other integers int64; those of one dimension called `y` are labels.

    Objects are never unpickled. Raises RecipeError: a file that can't be read, arrays that don't fit.
    """

    def __init__(
        self,
        *,
        path: FilePath,
        fields: dict[str, str] | None = None,
        image: bool = False,
        grey: bool = False,
    ) -> None:
        self.path = Path(path).expanduser()
        self.fields = fields
        self.image = image
        self.grey = grey

    def spec(self) -> DataSpec:
        """Read from the headers; of labels the values too, to count the classes."""
        fields: dict[str, Field] = {}
        lengths: dict[str, int] = {}
        for split, named in self._names.items():
            forms = {wire: self._usable(name) for wire, name in named.items()}
            found = {wire: self._field(wire, split, form) for wire, form in forms.items()}
            if fields and found != fields:
                raise self._error(f"the splits differ: train holds {_told(fields)}, {split} {_told(found)}")
            counts = {named[wire]: shape[0] for wire, (shape, _) in forms.items()}
            if len(set(counts.values())) > 1:
                raise self._error(f"the arrays of {split!r} have unequal lengths: {counts}")
            fields, lengths[split] = found, next(iter(counts.values()))
        return DataSpec(fields, lengths)

    def load(self, split: str) -> Mapping[str, Tensor]:
        """Every wire of a split."""
        return self.examples(split)[:]

    def examples(self, split: str) -> _Rows:
        """The rows of a split; those of a `.npy` file stay on the disk until they are asked for."""
        arrays = {wire: self._array(name) for wire, name in self._names[split].items()}
        images = {wire for wire, array in arrays.items() if self._is_image(wire, array.shape, array.dtype)}
        return _Rows(arrays, images, self.grey)

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, str]]:
        """Split -> wire -> the array's name in the file; training first."""
        chosen = self.fields or {_without_split(name): _without_split(name) for name in self._forms}
        names: dict[str, dict[str, str]] = {}
        for wire, base in chosen.items():
            endings = {split: f"{base}_{split}" for split in _SPLITS if f"{base}_{split}" in self._forms}
            if base in self._forms:
                if "train" in endings:
                    raise self._error(
                        f"both {base!r} and {endings['train']!r} are there: which is for training?"
                    )
                endings["train"] = base
            if not endings:
                raise self._error(f"there is no array {base!r}; there are {', '.join(self._forms)}")
            for split, name in endings.items():
                names.setdefault(split, {})[wire] = name
        if "train" not in names:
            raise self._error(f"nothing to train on among the arrays {', '.join(self._forms)}")
        return {split: names[split] for split in _SPLITS if split in names}

    @cached_property
    def _forms(self) -> Mapping[str, Form]:
        """The shape and dtype of each array of the file, from the headers."""
        with self._readable():
            if self._single:
                with self.path.open("rb") as file:
                    return {_FIELD: _form(file)}
            with ZipFile(self.path) as archive:
                forms = {}
                for member in archive.namelist():
                    name = member.removesuffix(".npy")
                    with archive.open(member) as file:
                        forms[name] = _form(file)
                return forms

    def _usable(self, name: str) -> Form:
        """The form of an array that holds examples of numbers; the others of a file may be anything."""
        shape, dtype = self._forms[name]
        if dtype.kind not in "biuf":
            what = "Python objects, which are never unpickled" if dtype.hasobject else f"{dtype}, not numbers"
            raise self._error(f"the array {name!r} holds {what}")
        if not shape:
            raise self._error(f"the array {name!r} is a single number, not examples")
        return shape, dtype

    def _array(self, name: str) -> Array:
        import numpy as np

        with self._readable():
            if self._single:
                array: Array = np.load(self.path, mmap_mode="r", allow_pickle=False)
                return array
            with np.load(self.path, allow_pickle=False) as archive:
                member: Array = archive[name]
                return member

    def _field(self, wire: str, split: str, form: Form) -> Field:
        shape, dtype = form
        if self._is_image(wire, shape, dtype):
            channels, *size = _channels_first(shape[1:])
            return Field((1 if self.grey and channels == 3 else channels, *size), image=True)
        if dtype.kind in "bf":
            return Field(shape[1:])
        if wire == "y" and len(shape) == 1:
            return Field((), "int64", classes=self._classes)
        return Field(shape[1:], "int64")

    @cached_property
    def _classes(self) -> int | None:
        """One more than the highest label of all splits; None where labels are negative or there are none."""
        labels = [self._array(named["y"]) for named in self._names.values() if "y" in named]
        filled = [array for array in labels if array.size]
        if not filled or min(int(array.min()) for array in filled) < 0:
            return None
        return max(int(array.max()) for array in filled) + 1

    def _is_image(self, wire: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        pictured = dtype == "uint8" or (self.image and wire == _FIELD and dtype.kind == "f")
        return pictured and len(shape) in (3, 4)

    @property
    def _single(self) -> bool:
        return self.path.suffix != ".npz"

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise self._error("there is no such file") from error
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise self._error(f"not a .npy or .npz file that can be read: {error}") from error

    def _error(self, reason: str) -> RecipeError:
        return RecipeError(Problem("GF601", f"{self.path}: {reason}"))


class _Rows:
    """Arrays by wire; a row, several or a slice of them as tensors."""

    def __init__(self, arrays: Mapping[str, Array], images: set[str], grey: bool) -> None:
        self.arrays = arrays
        self.images = images
        self.grey = grey

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, place: Any) -> dict[str, Tensor]:
        if isinstance(place, int):
            return {wire: tensor[0] for wire, tensor in self[place : place + 1].items()}
        from .colour import grey

        tensors = {wire: _tensor(array[place], wire in self.images) for wire, array in self.arrays.items()}
        return {wire: grey(x) if self.grey and wire in self.images else x for wire, x in tensors.items()}

    def __getitems__(self, places: list[int]) -> dict[str, Tensor]:
        return self[places]


def _form(file: IO[bytes]) -> Form:
    """Shape and dtype, from the header of a `.npy` file."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _tensor(rows: Array, image: bool) -> Tensor:
    """Rows of an array in the form that spec() promises."""
    import numpy as np
    import torch

    if image:
        channels_last = rows.ndim == 4 and rows.shape[-1] in (1, 3)
        rows = np.moveaxis(rows, -1, 1) if channels_last else rows.reshape(len(rows), -1, *rows.shape[-2:])
    if rows.dtype != np.uint8 or not image:
        rows = rows.astype(np.float32 if rows.dtype.kind in "bf" else np.int64)
    # A copy that is contiguous, writable and in this machine's byte order, as torch needs it.
    return torch.from_numpy(np.array(rows, dtype=rows.dtype.newbyteorder("="), order="C"))


def _channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 2:
        return (1, *shape)
    return (shape[2], *shape[:2]) if shape[-1] in (1, 3) else shape


def _without_split(name: str) -> str:
    base, _, split = name.rpartition("_")
    return base if base and split in _SPLITS else name


def _told(fields: Mapping[str, Field]) -> str:
    return ", ".join(f"{wire} {field.shape} {field.dtype}" for wire, field in fields.items())
