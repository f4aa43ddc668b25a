"""Ex-post density estimation: a Gaussian mixture fitted to the codes of a trained autoencoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genframe import Count, Positive

ROWS = 1000
"""Examples that are encoded or decoded at once."""


class Mixture(nn.Module):
    """Draws codes from a Gaussian mixture fitted to those of the training data, and decodes them.

    Ghosh et al. 2020, From Variational to Deterministic Autoencoders, section 4: it gives any autoencoder that
    decodes its own codes well a way to draw, and a VAE whose aggregate posterior missed its prior a better one.
    Needs the outputs `encode` (x -> codes (batch, ...)) and `decode` (codes -> x). Ten components with full
    covariances, as in the paper; `diagonal` for codes of more than a few hundred numbers. Of a VAE `encode` is the
    mean of q(z|x); rebind it to an output that draws (`given: {encode: draw_code}`) to keep the spread of q(z|x) too.
    """

    log_weights: Tensor  # (components,)
    means: Tensor  # (components, dim)
    scales: Tensor  # (components, dim, dim), lower triangular; (components, dim) of diagonal ones
    code_shape: Tensor  # int64: the shape of one code

    def __init__(
        self,
        *,
        components: Count = 10,
        covariance: Literal["full", "diagonal"] = "full",
        iterations: Count = 200,
        tolerance: Positive = 1e-4,
        regularisation: Positive = 1e-6,
    ) -> None:
        """iterations: of expectation maximisation at most; it ends once they gain less than `tolerance` nats a code.

        regularisation: of the codes' mean variance, so much is added to each variance.
        """
        super().__init__()
        self.components, self.full = components, covariance == "full"
        self.iterations, self.tolerance, self.regularisation = iterations, tolerance, regularisation
        for name in ("log_weights", "means", "scales", "code_shape"):
            self.register_buffer(name, None)

    def fit(self, encode: Callable[[Tensor], Tensor], data: Any) -> None:
        """Maximise the likelihood of the codes of all `data`. Raises ValueError for fewer codes than components."""
        codes = torch.cat([encode(batch["x"]).detach() for batch in data.batches(ROWS)])
        if len(codes) < self.components:
            raise ValueError(f"{self.components} components need as many codes, and there are {len(codes)}")
        shape = torch.tensor(codes.shape[1:], dtype=torch.int64)
        points = codes.flatten(1).double()
        floor = self.regularisation * float(points.var(0, correction=0).mean().clamp_min(1e-12))
        log_weights, means, scales = self._maximised(points, floor)
        self.log_weights, self.means = log_weights.to(codes.dtype), means.to(codes.dtype)
        self.scales, self.code_shape = scales.to(codes.dtype), shape

    def sample(self, decode: Callable[[Tensor], Tensor], n: int) -> Tensor:
        """n draws of the mixture, decoded: (n, ...)."""
        which = torch.multinomial(self.log_weights.exp(), n, replacement=True)
        noise = torch.randn(n, self.means.shape[1], device=self.means.device)
        scales = self.scales[which]
        spread = (scales @ noise.unsqueeze(-1)).squeeze(-1) if self.full else scales * noise
        codes = (self.means[which] + spread).reshape(n, *self.code_shape.tolist())
        return torch.cat([decode(part) for part in torch.split(codes, ROWS)])

    def _maximised(self, points: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
        """Log weights, means and scales by expectation maximisation, from hard clusters around k-means++ centres."""
        centres = spread_out(points, self.components)
        nearest = torch.cdist(points, centres).argmin(1)
        shares = nn.functional.one_hot(nearest, self.components).to(points)  # (codes, components)
        fitted = _moments(points, shares, floor, self.full)
        before = -math.inf
        for _ in range(self.iterations):
            joint = log_joint(points, *fitted)
            evidence = joint.logsumexp(1, keepdim=True)
            gain, before = float(evidence.mean()) - before, float(evidence.mean())
            if gain < self.tolerance:
                break
            fitted = _moments(points, (joint - evidence).exp(), floor, self.full)
        return fitted


def spread_out(points: Tensor, count: int) -> Tensor:
    """`count` of the points (n, dim), far from one another: the seeding of k-means++ (Arthur, Vassilvitskii 2007)."""
    chosen = [int(torch.randint(len(points), ()))]
    distance = (points - points[chosen[0]]).square().sum(1)
    for _ in range(count - 1):
        odds = (
            distance if float(distance.sum()) > 0 else torch.ones_like(distance)
        )  # fewer points than centres
        chosen.append(int(torch.multinomial(odds / odds.sum(), 1)))
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(1))
    return points[chosen]


def log_joint(points: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """log p(component) p(point | component): (points, components)."""
    columns = []
    for mean, scale in zip(means, scales, strict=True):
        centred = points - mean
        if scale.ndim == 2:
            whitened = torch.linalg.solve_triangular(scale, centred.T, upper=False).T
            log_det = scale.diagonal().log().sum()
        else:
            whitened, log_det = centred / scale, scale.log().sum()
        columns.append(-0.5 * whitened.square().sum(1) - log_det)
    constant = 0.5 * points.shape[1] * math.log(2 * math.pi)
    return torch.stack(columns, 1) + log_weights - constant


def _moments(points: Tensor, shares: Tensor, floor: float, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The weighted moments of each component: its log weight, mean, and the root of its covariance."""
    counts = shares.sum(0) + 1e-9  # a component that lost its last point stays, without weight
    means = shares.T @ points / counts[:, None]
    scales = []
    for share, count, mean in zip(shares.T, counts, means, strict=True):
        centred = points - mean
        if full:
            covariance = (share[:, None] * centred).T @ centred / count
            covariance.diagonal().add_(floor)
            scales.append(torch.linalg.cholesky(covariance))
        else:
            scales.append((share @ centred.square() / count + floor).sqrt())
    return (counts / counts.sum()).log(), means, torch.stack(scales)
