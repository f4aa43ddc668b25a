"""Pictures of bars, whose causes are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from genframe import Count, DataSpec, Field, Ge, Probability

if TYPE_CHECKING:
    from torch import Tensor

SPLITS = ("train", "test")


class MyDataset:
    """Black pictures with white bars across: each row and each column is a bar with the chance `chance`.

    Gives `x`, pictures (1, side, side) with the values 0 and 1: a function of the seed and the split alone. The
    2 * side causes are independent and their pictures are not: does a model find them? (Földiák 1990; the chance
    is his.)
    """

    def __init__(
        self,
        *,
        side: Annotated[int, Ge(2)] = 8,
        chance: Probability = 0.125,
        n: Count = 2000,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.side, self.chance, self.n, self.seed = side, chance, n, seed

    def spec(self) -> DataSpec:
        """What the set promises, without making it."""
        return DataSpec({"x": Field((1, self.side, self.side), image=True)}, dict.fromkeys(SPLITS, self.n))

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` float32 (n, 1, side, side) of `train` or `test`."""
        import numpy as np  # here, so that a recipe is checked without them
        import torch

        rng = np.random.default_rng([self.seed, SPLITS.index(split)])
        rows, columns = rng.random((2, self.n, self.side)) < self.chance  # (n, side) each
        bars = rows[:, :, None] | columns[:, None, :]  # (n, side, side)
        return {"x": torch.from_numpy(bars).float().unsqueeze(1)}
