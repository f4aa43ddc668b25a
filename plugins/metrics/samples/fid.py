"""The Frechet distance between Gaussians fitted to features of samples and of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath

from .sides import sides


def fid(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    samples: Count | None = None,
    batch_size: Count = 500,
) -> Figures:
    """The Frechet (inception) distance of samples from a split, and that of training examples from it.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)),    m, S the mean and the covariance of features

    Heusel et al. 2017, eq. 6; in double precision, the trace of the root by the eigenvalues of S1^(1/2) S2 S1^(1/2),
    those below 0 by rounding taken for 0. It falls with the number of samples, whatever the model: compare figures of
    one number, one set of features and one split alone. `fid_of_data` is what as many training examples get.
    features: a run (or packed file) of a classifier, a TorchScript file, `digits`, or `pixels`. Raises ValueError where
    a side has no more examples than there are features: then the covariance has no full rank.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=samples, batch_size=batch_size
    )
    least = min(map(len, (found.samples, found.data, found.train)))
    if least <= found.size:
        raise ValueError(
            f"a covariance of {found.size} features needs more than {found.size} examples of each side, and there "
            f"are {least}: take more (count, samples), fewer features, or kid, which needs no covariance"
        )
    (samples_, split, train) = (moments(side) for side in (found.samples, found.data, found.train))
    value, least_root = distance(samples_, split)
    other, _ = distance(train, split)
    facts = {**found.provenance, "smallest eigenvalue before clipping": f"{least_root:.1e}"}
    return Figures({"fid": value, "fid_of_data": other}, facts)


Moments = tuple[Tensor, Tensor]


def moments(features: Tensor) -> Moments:
    """The mean (d,) and the covariance (d, d), by n - 1, of features (n, d), in double precision."""
    wide = features.double()
    mean = wide.mean(0)
    wide = wide - mean
    return mean, wide.T @ wide / (len(wide) - 1)


def distance(one: Moments, other: Moments) -> tuple[float, float]:
    """The Frechet distance of two Gaussians, and the smallest eigenvalue of S1^(1/2) S2 S1^(1/2) as it was found."""
    (mean, cov), (mean2, cov2) = one, other
    values, vectors = torch.linalg.eigh(cov)
    root = vectors * values.clamp_min(0).sqrt()  # cov = root root^T
    eigenvalues = torch.linalg.eigvalsh(root.T @ cov2 @ root)
    trace = cov.trace() + cov2.trace() - 2 * eigenvalues.clamp_min(0).sqrt().sum()
    return float((mean - mean2).square().sum() + trace), float(eigenvalues[0])
