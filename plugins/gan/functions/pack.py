"""Several examples as one, for a critic that judges them together."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from genframe import Ge


class Pack:
    """x (batch, channels, height, width) -> (batch / samples, samples channels, ...); vectors, one after the other.

    `discriminator(pack(x))`, of reals and of fakes: a critic that sees `samples` at once sees that fakes differ less
    than reals do, and modes are dropped less (PacGAN, Lin et al. 2018, section 3; 2 took 1000 of 1000 modes of stacked
    MNIST there). Neighbours in the batch are packed, which come in random order. Raises ValueError for a batch that
    does not divide; `genframe validate` says it beforehand.
    """

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 2) -> None:
        self.samples = self.batch_multiple = samples

    def __call__(self, x: Tensor) -> Tensor:
        if len(x) % self.samples:
            raise ValueError(f"pack: a batch of {len(x)} does not divide into packs of {self.samples}")
        return x.reshape(-1, self.samples * x.shape[1], *x.shape[2:])
