"""Digits on digits: three classes in one picture, a thousand modes that can be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from genframe import Count, DataSpec, Field, FilePath, Ge

from .digits import Digits
from .idx import Mnist

if TYPE_CHECKING:
    from torch import Tensor

_SPLITS = ("train", "test")


class StackedMnist:
    """`n` pictures (3, 28, 28), each channel an MNIST digit drawn by itself, with `y` 0 to 999, the digits in order.

    Metz et al. 2017; the number is PacGAN's (Lin et al. 2018). The digits of a picture are a function of the seed and
    the split alone, drawn with replacement from MNIST's split, or from that of `digits`, which needs no files; the
    test split has `n_test`. root: as of `mnist`. 128,000 pictures take 301 MB.
    """

    def __init__(
        self,
        *,
        of: Literal["mnist", "digits"] = "mnist",
        n: Count = 128_000,
        n_test: Count = 26_000,
        seed: Annotated[int, Ge(0)] = 0,
        root: FilePath | None = None,
    ) -> None:
        self.digits: Any = Digits() if of == "digits" else Mnist(root=root)
        self.lengths = dict(zip(_SPLITS, (n, n_test), strict=True))
        self.seed = seed

    def spec(self) -> DataSpec:
        """Pictures and labels; no file is opened."""
        fields = {"x": Field((3, 28, 28), image=True), "y": Field((), "int64", classes=1000)}
        return DataSpec(fields, self.lengths)

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` uint8 (n, 3, 28, 28) and `y` int64 (n,). Raises RecipeError: MNIST's files are missing or damaged."""
        import numpy as np
        import torch

        single = self.digits.load(split)
        rng = np.random.default_rng([self.seed, _SPLITS.index(split)])
        places = torch.from_numpy(rng.integers(len(single["y"]), size=(self.lengths[split], 3)))
        hundreds, tens, ones = single["y"][places].unbind(1)
        return {"x": single["x"].squeeze(1)[places], "y": 100 * hundreds + 10 * tens + ones}
