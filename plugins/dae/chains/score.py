"""Denoising score matching: a net that learns the score of noised data at every level."""

from __future__ import annotations

from torch import Tensor

from genframe import Levels, per_example


def score_matching(x: Tensor, x_noised: Tensor, x_level: Levels, scaled_score: Tensor) -> Tensor:
    """1/2 |sigma s(x~, sigma) + (x~ - x) / sigma|^2 of each x (batch,): denoising score matching, weighted by sigma^2.

    Vincent 2011, eq. 17, with the weight lambda(sigma) = sigma^2 of Song and Ermon 2019, eq. 5 and 6: under it each
    level's loss is of one size. A squared error of the clean x weighs a level by sigma^4, and teaches the small ones,
    where the chain ends, next to nothing. x_level: those of Gaussian noise, its deviation sigma in their only
    column. scaled_score: sigma s(x~, sigma), of the shape of x, which is what a net should give: it has one size at
    all levels (Song and Ermon 2020, technique 3).
    """
    residual = scaled_score + (x_noised - x) / per_example(x_level.table[:, 0], x)
    loss: Tensor = 0.5 * residual.square().flatten(1).sum(1)
    return loss


def tweedie(x: Tensor, level: Tensor, scaled_score: Tensor) -> Tensor:
    """E[clean x | noised x] = x + sigma^2 s(x, sigma), of the shape of x: the best denoiser, from the score.

    Robbins 1956, Miyasawa 1961. level: sigma (batch,); scaled_score: sigma s(x, sigma), as for `score-matching`.
    """
    denoised: Tensor = x + per_example(level, x) * scaled_score
    return denoised
