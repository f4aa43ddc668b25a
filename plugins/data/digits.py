"""Real handwritten digits that ship with the package, so that the first training needs no network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from genframe import DataSpec, Field

if TYPE_CHECKING:
    from torch import Tensor

_FILE = Path(__file__).with_name("digits.npz")


class Digits:
    """5,000 training and 1,000 test digits of MNIST (LeCun, Cortes, Burges), the classes in equal parts.

    Gives `x`, pictures (1, 28, 28) with the original pixels, and `y`, labels 0 to 9. `digits.npz` holds the
    first 500 pictures of each class in MNIST's training set and the first 100 in its test set, in their order
    there:

        def first(labels, n):
            return np.sort(np.concatenate([np.flatnonzero(labels == digit)[:n] for digit in range(10)]))

    as the uint8 arrays `x_train`, `y_train`, `x_test`, `y_test`.
    """

    def spec(self) -> DataSpec:
        """Pictures and labels."""
        return DataSpec(
            {"x": Field((1, 28, 28), image=True), "y": Field((), "int64", classes=10)},
            {"train": 5000, "test": 1000},
        )

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, 1, 28, 28) and `y` int64 (n,) of `train` or `test`."""
        import numpy as np
        import torch

        with np.load(_FILE) as arrays:
            pixels, labels = arrays[f"x_{split}"], arrays[f"y_{split}"]
        return {"x": torch.from_numpy(pixels).unsqueeze(1), "y": torch.from_numpy(labels).long()}
