"""Points in the plane whose distribution is known: what a model misses can be seen and counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from genframe import Count, DataSpec, Field, Ge, NonNegative, Positive

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

_SPLITS = ("train", "test")


class Points:
    """Base: `n` points in each of the splits `train` and `test`, a function of the seed and the split alone.

    Gives `x` float32 (2,) and `y`, the mode that a point was drawn from.
    """

    modes: int
    n: int
    seed: int

    def draw(self, rng: np.random.Generator, mode: Integers) -> Floats:
        """A point (n, 2) of each given mode (n,)."""
        raise NotImplementedError

    def spec(self) -> DataSpec:
        """Points and modes."""
        fields = {"x": Field((2,)), "y": Field((), "int64", classes=self.modes)}
        return DataSpec(fields, dict.fromkeys(_SPLITS, self.n))

    def load(self, split: str) -> Mapping[str, Tensor]:
        """`x` float32 (n, 2) and `y` int64 (n,)."""
        import numpy as np
        import torch

        rng = np.random.default_rng([self.seed, _SPLITS.index(split)])
        mode = rng.integers(self.modes, size=self.n)
        points = self.draw(rng, mode)
        return {"x": torch.from_numpy(points).float(), "y": torch.from_numpy(mode)}


class Gaussians(Points):
    """Base: equal Gaussians of one standard deviation around `centres()`."""

    std: float

    def centres(self) -> Floats:
        """The modes' means, (modes, 2)."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, mode: Integers) -> Floats:
        centres: Floats = self.centres()[mode]
        return centres + rng.normal(scale=self.std, size=centres.shape)


class Ring(Gaussians):
    """A ring of equal Gaussians: `modes` of standard deviation `std`, evenly on a circle around the origin.

    The defaults are those of Metz et al., "Unrolled Generative Adversarial Networks" (2017).
    """

    def __init__(
        self,
        *,
        modes: Count = 8,
        radius: Positive = 2.0,
        std: NonNegative = 0.02,
        n: Count = 10_000,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.modes, self.radius, self.std, self.n, self.seed = modes, radius, std, n, seed

    def centres(self) -> Floats:
        import numpy as np

        angle = 2 * math.pi * np.arange(self.modes) / self.modes
        return self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


class Grid(Gaussians):
    """A square grid of equal Gaussians around the origin: `side` a row, `spacing` apart.

    The defaults give the 25 modes of Lin et al., "PacGAN" (2018).
    """

    def __init__(
        self,
        *,
        side: Count = 5,
        spacing: Positive = 2.0,
        std: NonNegative = 0.05,
        n: Count = 10_000,
        seed: Annotated[int, Ge(0)] = 0,
    ) -> None:
        self.side, self.spacing, self.std, self.n, self.seed = side, spacing, std, n, seed
        self.modes = side * side

    def centres(self) -> Floats:
        import numpy as np

        place = self.spacing * (np.arange(self.side) - (self.side - 1) / 2)
        return np.stack(np.meshgrid(place, place, indexing="ij"), axis=-1).reshape(-1, 2)


class Moons(Points):
    """Two interleaving half circles of radius 1, with Gaussian noise; in the form of scikit-learn's moons."""

    modes = 2

    def __init__(self, *, std: NonNegative = 0.1, n: Count = 10_000, seed: Annotated[int, Ge(0)] = 0) -> None:
        self.std, self.n, self.seed = std, n, seed

    def draw(self, rng: np.random.Generator, mode: Integers) -> Floats:
        import numpy as np

        angle = rng.uniform(0, math.pi, size=mode.shape)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
        points: Floats = np.where(mode[:, None] == 0, upper, lower)
        return points + rng.normal(scale=self.std, size=points.shape)


class SwissRoll(Points):
    """A spiral of one and a half turns with Gaussian noise, scaled to about [-1.4, 1.4]; one mode.

    The angle t is uniform in [1.5 pi, 4.5 pi] and the point (t cos t, t sin t) / 10: scikit-learn's roll,
    seen from its end.
    """

    modes = 1

    def __init__(
        self, *, std: NonNegative = 0.05, n: Count = 10_000, seed: Annotated[int, Ge(0)] = 0
    ) -> None:
        self.std, self.n, self.seed = std, n, seed

    def draw(self, rng: np.random.Generator, mode: Integers) -> Floats:
        import numpy as np

        t = 1.5 * math.pi * (1 + 2 * rng.uniform(size=mode.shape))
        points: Floats = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 10
        return points + rng.normal(scale=self.std, size=points.shape)
