"""FID, KID and PRDC of genframe beside the plain torch expressions, which hold all pairs at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from genframe_plugins.metrics.samples import fid, kid, prdc
from torch import Tensor

FEATURES, NEIGHBOURS = 64, 5


def plain_fid(real: Tensor, fake: Tensor) -> float:
    """By the eigenvalues of the product of the covariances, as torch has them."""
    one, other = real.double(), fake.double()
    a, b = one.T.cov(), other.T.cov()
    root = torch.linalg.eigvals(a @ b).sqrt().real.sum()
    return float((one.mean(0) - other.mean(0)).square().sum() + a.trace() + b.trace() - 2 * root)


def plain_kid(real: Tensor, fake: Tensor) -> float:
    x, y = fake.double(), real.double()
    m, n, d = len(x), len(y), x.shape[1]
    xx, yy, xy = (x @ x.T / d + 1) ** 3, (y @ y.T / d + 1) ** 3, (x @ y.T / d + 1) ** 3
    own = (xx.sum() - xx.trace()) / (m * (m - 1)) + (yy.sum() - yy.trace()) / (n * (n - 1))
    return float(own - 2 * xy.mean())


def plain_prdc(real: Tensor, fake: Tensor) -> float:
    """The sum of the four figures."""
    balls = torch.cdist(real, real).kthvalue(NEIGHBOURS + 1, dim=1).values
    own = torch.cdist(fake, fake).kthvalue(NEIGHBOURS + 1, dim=1).values
    away = torch.cdist(real, fake)  # (real, fake)
    held = away <= balls[:, None]
    found = (held.any(0), (away <= own).any(1), held.sum(0) / NEIGHBOURS, away.amin(1) <= balls)
    return float(sum(figure.double().mean() for figure in found))


def our_fid(real: Tensor, fake: Tensor) -> float:
    return fid.distance(fid.moments(fake), fid.moments(real))[0]


def our_kid(real: Tensor, fake: Tensor) -> float:
    return kid.mmd2(fake, real)[0]


def our_prdc(real: Tensor, fake: Tensor) -> float:
    return sum(prdc.measured(real, prdc.radii(real, NEIGHBOURS), fake, NEIGHBOURS).values())


Figure = Callable[[Tensor, Tensor], float]

PAIRS: Mapping[str, tuple[Figure, Figure]] = {
    "fid": (our_fid, plain_fid),
    "kid": (our_kid, plain_kid),
    "prdc": (our_prdc, plain_prdc),
}


@dataclass(frozen=True)
class Timed:
    """What a figure came to by either way, and the seconds of each round."""

    ours: float
    plain: float
    our_seconds: list[float]
    plain_seconds: list[float]


def timed(name: str, count: int, rounds: int) -> Timed:
    """Both ways in turn, on `count` x `count` features such as rectified units give."""
    torch.manual_seed(0)
    real, fake = torch.randn(count, FEATURES).relu(), (torch.randn(count, FEATURES) + 0.1).relu()
    seconds: tuple[list[float], list[float]] = ([], [])
    figures = [0.0, 0.0]
    for _ in range(rounds):
        for way, function in enumerate(PAIRS[name]):
            began = time.perf_counter()
            figures[way] = function(real, fake)
            seconds[way].append(time.perf_counter() - began)
    return Timed(figures[0], figures[1], *seconds)
