"""Disentangled inferred prior: covariances of the codes drawn to the identity."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import NonNegative, Schedulable, Terms

from .elbo import elbo


def dip(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    kind: Literal["I", "II"] = "II",
    off_diagonal: Schedulable = 10.0,
    diagonal: NonNegative | None = None,
) -> Terms:
    """-ELBO + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2: (batch,) (Kumar et al. 2018, eq. 6 and 7).

    I: C is the covariance of q(z|x)'s means over the batch. II: that of z itself, with the mean of the variances on the
    diagonal. `off_diagonal` is lambda_od, `diagonal` lambda_d, by default 10 times it for I and as much for II, as the
    authors tuned them. Covariances divide by the batch: below some d examples they are noise. q(z|x) needs a mean and
    for II a variance of each dimension. Logs `covariance`, sum_{i != j} C_ij^2, beside the bound's parts.
    """
    terms = elbo(x, q_z, z, p_z, p_x)
    means = q_z.mean.flatten(1)
    centred = means - means.mean(0)
    covariance = centred.T @ centred / len(means)
    if kind == "II":
        covariance = covariance + torch.diag(q_z.variance.flatten(1).mean(0))
    own = covariance.diagonal()
    others = covariance.square().sum() - own.square().sum()
    weight = (10.0 if kind == "I" else 1.0) * off_diagonal if diagonal is None else diagonal
    penalty = off_diagonal * others + weight * (own - 1).square().sum()
    return Terms(terms.total + penalty, {**terms.logged, "covariance": others})
