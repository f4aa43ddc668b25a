"""What a dataset promises before it is loaded: its wires, their shapes, and how many examples there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

UNKNOWN = -1
"""The length of a split that only loading can tell."""


@dataclass(frozen=True, slots=True)
class Field:
    """One wire of a dataset.

    shape: of one example, without the batch: `(1, 28, 28)`, `()` for a label.
    dtype: of the wire, in torch's words: `float32`, `int64`.
    classes: for labels 0 to classes - 1, how many there are.
    image: whether it is a picture (channels, height, width) with values in [0, 1].
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    classes: int | None = None
    image: bool = False

    @property
    def stored_bytes(self) -> int:
        """Bytes that one example takes in memory; a picture is taken to be held as uint8."""
        sizes = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "uint8": 1, "bool": 1}
        return prod(self.shape) * (1 if self.image else sizes.get(self.dtype, 4))


@dataclass(frozen=True, slots=True)
class DataSpec:
    """The wires of a dataset by name, and the length of each split.

    The splits are `train` and, where the dataset has them, `validation` and `test`. -1: only loading tells.
    """

    fields: Mapping[str, Field]
    lengths: Mapping[str, int]

    @property
    def classes(self) -> int | None:
        """The number of classes of the first field that has labels."""
        return next((f.classes for f in self.fields.values() if f.classes is not None), None)
