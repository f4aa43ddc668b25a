"""The rate taken apart: mutual information, total correlation, and the marginals' divergence from the prior."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, DiagonalGaussian, Schedulable, Terms


class BetaTCVAE:
    """-log p(x|z) + alpha I(x; z) + beta TC(z) + gamma sum_j KL(q(z_j) || p(z_j)): (batch,) (Chen et al. 2018, eq. 2).

    x (batch, ...), one sample z (batch, d) of a diagonal Gaussian q. q(z) is estimated from the batch of B, own code
    included. `stratified` weighs x's own posterior by 1/N and each other by (N - 1) / (N (B - 1)): the mean over all
    batches is q(z) itself (a symmetric form of appendix C.2; the published code writes the own weight into two columns
    in place of the diagonal). `weighted` is the batch's own mixture, 1/B each: appendix C.1 without its 1/N, a constant
    that makes the joint low by log N, the marginals by d log N, and so what is printed as total correlation high by
    (d - 1) log N. The logarithm of either is biased at small B. beta 6 was the paper's for dSprites; with alpha =
    beta = gamma = 1 it is the ELBO with a sampled rate, whatever the estimate.

    size: N, of the training split unless said. Logs `mutual_information`, `marginal_kl`, and `total_correlation`, under
    `weighted` as `batch_correlation`, for it is that of the batch. Raises ValueError for a batch of one, samples in
    front, a prior or posterior of dimensions that depend on each other.
    """

    def __init__(
        self,
        train_size: int,
        *,
        alpha: Schedulable = 1.0,
        beta: Schedulable = 6.0,
        gamma: Schedulable = 1.0,
        estimate: Literal["stratified", "weighted"] = "stratified",
        size: Count | None = None,
    ) -> None:
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.estimate, self.size = estimate, size or train_size

    def __call__(
        self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution
    ) -> Terms:
        """Minus log p(x|z) and the weighted parts of the rate: (batch,), in nats."""
        if not isinstance(q_z, DiagonalGaussian) or z.ndim != 2 or len(z) < 2:
            raise ValueError(
                "the total correlation is estimated from a batch of two or more, one sample (batch, d) each of a "
                f"diagonal Gaussian posterior, not from z {tuple(z.shape)} of {type(q_z).__name__}"
            )
        pairs = pairwise_log_density(z, q_z)  # (i, j, d): log q(z_i|x_j) of each dimension
        size = self.size if self.estimate == "stratified" else len(z)
        weights = log_weights(len(z), size).to(z)
        joint = (weights + pairs.sum(2)).logsumexp(1)  # log q(z_i)
        product = (weights.unsqueeze(2) + pairs).logsumexp(1).sum(1)  # sum_d log q(z_id)
        information = q_z.log_prob(z) - joint
        correlation, marginal = joint - product, product - p_z.log_prob(z)
        distortion = -p_x.log_prob(x)
        total = distortion + self.alpha * information + self.beta * correlation + self.gamma * marginal
        name = "total_correlation" if self.estimate == "stratified" else "batch_correlation"
        parts = {"mutual_information": information, name: correlation, "marginal_kl": marginal}
        return Terms(total, {"distortion": distortion, **parts})


def log_weights(batch: int, size: int) -> Tensor:
    """log of how much code j of a batch counts in q(z_i): (batch, batch); each row sums to one.

    1/N on the diagonal, (N - 1) / (N (B - 1)) elsewhere; with N = B that is 1/B everywhere.
    """
    size = max(size, batch)  # a batch can't hold more than all
    others = math.log((size - 1) / (size * (batch - 1)))
    return torch.full((batch, batch), others).fill_diagonal_(-math.log(size))


def pairwise_log_density(z: Tensor, q_z: DiagonalGaussian) -> Tensor:
    """log q(z_i|x_j) of each dimension: (batch, batch, d)."""
    mean, std = q_z.mean, q_z.stddev  # (batch, d)
    standardised = (z.unsqueeze(1) - mean) / std
    return -0.5 * standardised.square() - (std.log() + 0.5 * math.log(2 * math.pi))
