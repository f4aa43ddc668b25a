"""A table of real and categorical columns, made by the package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from genframe import Count, DataSpec, Field, Ge

if TYPE_CHECKING:
    from torch import Tensor

REAL, CATEGORIES = 4, (3, 2)
"""Real columns, and the classes of those after them: `likelihood: {use: columns, categories: [3, 2]}`."""

_SPLITS = ("train", "test")


class Table:
    """`n` rows in each of `train` and `test`: four real columns of about mean 0 and variance 1, then two categorical.

    All six hang on two hidden numbers z ~ N(0, I): real = (W z + 0.4 e)/norm, and a category is drawn from the softmax
    of V z; W and V are fixed. So a model of independent columns is worse than one that finds z. Gives `x` float32 (6,);
    a category is coded 0, 1 ... Made of the seed and the split alone. For one of your own: `arrays`.
    """

    def __init__(self, *, n: Count = 5000, seed: Annotated[int, Ge(0)] = 0) -> None:
        self.n, self.seed = n, seed

    def spec(self) -> DataSpec:
        """Rows of six columns."""
        return DataSpec({"x": Field((REAL + len(CATEGORIES),))}, dict.fromkeys(_SPLITS, self.n))

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` float32 (n, 6)."""
        import numpy as np
        import torch

        rng = np.random.default_rng([self.seed, _SPLITS.index(split)])
        z = rng.normal(size=(self.n, 2))
        loadings = np.array([[1.0, 0.0], [0.7, 0.7], [-0.6, 0.8], [0.0, 1.0]])
        loadings /= np.sqrt((loadings**2).sum(1, keepdims=True) + 0.16)
        noise = 0.4 / np.sqrt((np.array([1.0, 0.98, 1.0, 1.0])) + 0.16)
        columns = [z @ loadings.T + noise * rng.normal(size=(self.n, REAL))]
        for classes in CATEGORIES:
            angles = 2 * np.pi * np.arange(classes) / classes
            logits = 3 * z @ np.stack([np.cos(angles), np.sin(angles)])
            columns.append((logits + rng.gumbel(size=logits.shape)).argmax(1, keepdims=True))
        return {"x": torch.from_numpy(np.concatenate(columns, 1)).float()}
