"""Vector quantisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from genframe import Ge, Le, NonNegative, Positive, Shape


class Quantised(Distribution):
    """A point mass on the nearest vectors of a codebook, whose `rsample` passes its gradient on to what was quantised.

    encoded and quantised: (leading ..., *event), before and after; the mean is `quantised`, with the gradient that a
    learned codebook has.
    """

    arg_constraints = {}
    has_rsample = True
    _validate_args = False

    def __init__(self, encoded: Tensor, quantised: Tensor, *, event_ndim: int) -> None:
        front = encoded.ndim - event_ndim
        super().__init__(encoded.shape[:front], encoded.shape[front:], validate_args=False)
        self.encoded, self.quantised = encoded, quantised

    @property
    def mean(self) -> Tensor:
        return self.quantised

    @property
    def mode(self) -> Tensor:
        return self.quantised

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The vectors of the codebook, without gradient: (*sample_shape, leading ..., *event)."""
        return self.quantised.detach().expand(*sample_shape, *self.quantised.shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The same; backwards it is `encoded` (van den Oord et al. 2017, section 3.2)."""
        straight = self.quantised.detach() + (self.encoded - self.encoded.detach())
        return straight.expand(*sample_shape, *straight.shape)


class VQPosterior(nn.Module):
    """features (..., *in_shape) -> the nearest vectors of a codebook, (..., dim, *places): van den Oord et al. 2017.

    A linear layer gives a vector of `dim` = latent_shape[0] at each place, of maps a convolution of 1x1: latent_shape
    is (dim,), or (dim, height, width) as the features have it. codebook: `ema` follows the vectors that each code
    stands for by an average of `decay` (0.99, their appendix A.1) with Laplace smoothing `epsilon`, `loss` learns by
    the loss `vq`. A code whose average use falls below `revive` times an even share is put on a vector of the batch
    (Dhariwal et al. 2020, section 3.1), as all are at first. The codebook moves in training alone. codes: 64 to 128
    are enough for digits, theirs were 512. Raises ValueError for a latent_shape of other places than the features'.
    """

    vectors: Tensor  # (codes, dim)
    counts: Tensor  # (codes,)
    sums: Tensor  # (codes, dim)
    started: Tensor

    def __init__(
        self,
        in_shape: Shape,
        latent_shape: Shape,
        *,
        codes: Annotated[int, Ge(2)] = 512,
        codebook: Literal["ema", "loss"] = "ema",
        decay: Annotated[float, Ge(0), Le(1)] = 0.99,
        epsilon: Positive = 1e-5,
        revive: NonNegative = 0.03,
    ) -> None:
        super().__init__()
        self.in_ndim, self.latent_shape, self.classes = len(in_shape), tuple(latent_shape), codes
        if tuple(in_shape[1:]) != tuple(latent_shape[1:]):
            raise ValueError(
                f"vq quantises a vector at each place of the features {tuple(in_shape)}, so that latent_shape is "
                f"{('dim', *in_shape[1:])}, not {tuple(latent_shape)}: give it as given: {{latent_shape: [...]}}"
            )
        self.linear = nn.Linear(in_shape[0], latent_shape[0])
        vectors = torch.randn(codes, latent_shape[0]) / math.sqrt(latent_shape[0])
        self.decay, self.epsilon, self.revive = decay, epsilon, revive
        if codebook == "loss":
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros_like(vectors))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, features: Tensor) -> Quantised:
        vectors = self._vectors(features)  # (..., *places, dim)
        flat = vectors.detach().flatten(0, -2)
        if self.training:
            self._begin(flat)
        index = self._nearest(flat)
        quantised = self.vectors[index].view_as(vectors)
        if self.training:
            self._follow(flat, index)
        return Quantised(self._placed(vectors), self._placed(quantised), event_ndim=len(self.latent_shape))

    def encoded(self, features: Tensor) -> Tensor:
        """The vectors of features before they are quantised: (..., dim, *places)."""
        return self._placed(self._vectors(features))

    def codes(self, features: Tensor) -> Tensor:
        """The codes of features as one-hot vectors, without gradient: (..., *places, codes)."""
        vectors = self._vectors(features).detach()
        index = self._nearest(vectors.flatten(0, -2)).view(vectors.shape[:-1])
        return F.one_hot(index, self.classes).to(vectors)

    def embed(self, codes: Tensor) -> Tensor:
        """The vectors of one-hot codes (..., *places, codes): (..., dim, *places), what a decoder takes."""
        return self._placed(codes @ self.vectors)

    def _placed(self, vectors: Tensor) -> Tensor:
        """(..., *places, dim) -> (..., dim, *places)."""
        return vectors.movedim(-1, vectors.ndim - len(self.latent_shape))

    def _vectors(self, features: Tensor) -> Tensor:
        """A vector at each place: (..., *places, dim)."""
        vectors: Tensor = self.linear(features.movedim(-self.in_ndim, -1))
        return vectors.float() if vectors.dtype in (torch.float16, torch.bfloat16) else vectors

    def _nearest(self, flat: Tensor) -> Tensor:
        """The index of the nearest code of each vector: (vectors,)."""
        with torch.no_grad():
            distances = torch.addmm(self.vectors.square().sum(1), flat, self.vectors.T, alpha=-2)
            nearest: Tensor = distances.argmin(1)
        return nearest

    @torch.no_grad()
    def _begin(self, flat: Tensor) -> None:
        """At the first training step the codes are vectors of the batch, each in even use."""
        even = len(flat) / self.classes
        drawn = self._drawn(flat)
        self.vectors.copy_(torch.where(self.started, self.vectors, drawn))
        self.sums.copy_(torch.where(self.started, self.sums, even * drawn))
        self.counts.copy_(torch.where(self.started, self.counts, even))
        self.started.fill_(True)

    @torch.no_grad()
    def _follow(self, flat: Tensor, index: Tensor) -> None:
        """Averages of use and of vectors; codes out of use begin anew on vectors of the batch."""
        counts = torch.bincount(index, minlength=self.classes).to(self.counts)
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(torch.zeros_like(self.sums).index_add_(0, index, flat), 1 - self.decay)
        total, even = self.counts.sum(), len(flat) / self.classes
        smoothed = (self.counts + self.epsilon) / (total + self.classes * self.epsilon) * total
        dead = (self.counts < self.revive * even).unsqueeze(1)
        drawn = self._drawn(flat)
        follows = (
            self.sums / smoothed.unsqueeze(1) if not isinstance(self.vectors, nn.Parameter) else self.vectors
        )
        self.vectors.copy_(torch.where(dead, drawn, follows))
        self.sums.copy_(torch.where(dead, even * drawn, self.sums))
        self.counts.copy_(torch.where(dead.squeeze(1), even, self.counts))

    def _drawn(self, flat: Tensor) -> Tensor:
        """A vector of the batch for each code."""
        return flat[torch.randint(len(flat), (self.classes,), device=flat.device)].to(self.vectors)
