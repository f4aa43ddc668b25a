"""The principal axes of a model's codes: along which the aggregate posterior q(z) is widest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from genframe import abilities, conditions
from genframe.latents import Latents, examples

if TYPE_CHECKING:
    from genframe.api import Model

ENCODED = 5000
"""Examples whose codes tell the axes, at most."""

DRAWN = 1000
"""Draws whose pictures tell the axes of a model that encodes nothing."""


@dataclass(frozen=True)
class Axes:
    """A basis of codes: z = mean + sum_k c_k spread_k directions_k, where each c_k has variance 1 over the data.

    mean (d,), directions (k, d) of length 1, spread (k,) standard deviations, share (k,) of all variance, falling.
    shape: of a code, (d,) or a map's. of: `q(z)`, or `p(z)` where nothing encodes.
    """

    mean: Tensor
    directions: Tensor
    spread: Tensor
    share: Tensor
    shape: tuple[int, ...]
    of: str

    def codes(self, coordinates: Tensor) -> Tensor:
        """(n, up to k) coordinates, in standard deviations along the first axes -> codes (n, *shape)."""
        k = coordinates.shape[-1]
        steps = coordinates.to(self.mean) * self.spread[:k]
        return (self.mean + steps @ self.directions[:k]).reshape(-1, *self.shape)

    def coordinates(self, z: Tensor) -> Tensor:
        """Codes (n, *shape) -> (n, k), the inverse of `codes` on the span of the axes."""
        away = z.flatten(1).to(self.mean) - self.mean
        return away @ self.directions.T / self.spread.clamp_min(1e-12)


def principal_axes(
    model: Model, most: int | None = None, split: str | None = None, latents: Latents | None = None
) -> Axes:
    """The axes of q(z) by the codes that `encode` gives the first examples of a split: the eigenvectors of their
    covariance, by falling variance.

    Where nothing encodes (a GAN), directions of p(z) along which what is decoded changes most: the principal components
    of the decoded draws are told from the codes by least squares (Haerkoenen et al. 2020, GANSpace, section 2.2).
    most: axes at most. Raises RecipeError (GF804) for a model that decodes nothing.
    """
    abilities.require(model, "the axes of codes", "decode")
    latents = latents or Latents(model)
    if "encode" not in model.outputs:
        return _of_draws(latents, most or 10)
    z = latents.encode(examples(model, ENCODED, split))
    return _axes(z.flatten(1).double(), tuple(z.shape[1:]), "q(z)", most)


def _axes(z: Tensor, shape: tuple[int, ...], of: str, most: int | None) -> Axes:
    mean = z.mean(0)
    _, singular, directions = torch.linalg.svd(z - mean, full_matrices=False)
    spread = singular / max(len(z) - 1, 1) ** 0.5
    share = spread.square() / spread.square().sum().clamp_min(1e-30)
    directions = directions * _signs(directions)
    return Axes(
        mean.float(), directions[:most].float(), spread[:most].float(), share[:most].float(), shape, of
    )


def _of_draws(latents: Latents, most: int) -> Axes:
    z = latents.draw(DRAWN, seed=0)
    conditions.missing(latents.model, "decode", latents.conditions)
    x = latents.decode(z).flatten(1).double()
    flat = z.flatten(1).double()
    k = min(most, flat.shape[1], x.shape[1], len(x) - 1)
    centred = x - x.mean(0)
    products = centred @ centred.T  # (draws, draws): there are fewer draws than numbers in a picture
    variances, components = torch.linalg.eigh(products)
    variances, components = variances.flip(0)[:k].clamp_min(0), components.flip(1)[:, :k]
    mean = latents.middle().flatten().double()
    slopes = components.T @ (flat - flat.mean(0))  # (k, d): how z moves with each component, up to its length
    basis, _ = torch.linalg.qr(slopes.T)  # (d, k), the first as it is, each further one across those before
    directions = basis.T * torch.where((basis.T * slopes).sum(1, keepdim=True) < 0, -1.0, 1.0)
    spread = ((flat - mean) @ directions.T).std(0)
    share = variances / centred.square().sum().clamp_min(1e-30)
    return Axes(mean.float(), directions.float(), spread.float(), share.float(), tuple(z.shape[1:]), "p(z)")


def _signs(directions: Tensor) -> Tensor:
    """Each direction's largest number is made positive: an eigenvector has no sign of its own."""
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return torch.where(largest < 0, -1.0, 1.0).to(directions)
