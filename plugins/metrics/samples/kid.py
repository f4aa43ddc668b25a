"""The kernel distance between features of samples and of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from genframe import Count, Figures, FilePath, Ge

from .sides import sides, timed

BLOCK = 2_000_000
"""Values of the kernel that are held at once, at most: 16 MB."""


def kid(
    sample: Callable[[int], Tensor],
    data: Any,
    train_data: Any,
    tell: Callable[[str], None],
    *,
    features: FilePath | Literal["digits", "pixels"] = "digits",
    count: Count = 10_000,
    samples: Count | None = None,
    subsets: Annotated[int, Ge(0)] = 0,
    subset_size: Count = 1000,
    batch_size: Count = 500,
) -> Figures:
    """The kernel (inception) distance of samples from a split, and of as many training examples; standard errors.

        MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),  k = (x.y / d + 1)^3

    Binkowski et al. 2018, eq. 4: unbiased, so that it may fall below 0 and does not hang on the number of samples.
    Over all pairs, in blocks and double precision, its standard error by the jackknife. With `subsets` it is their
    protocol, the mean over so many random subsets of `subset_size` of both sides (they took 100 of 1,000), whose
    error, the spread over the root of their number, is too small where subsets overlap.
    """
    found = sides(
        sample, data, train_data, tell, features=features, count=count, samples=samples, batch_size=batch_size
    )
    least = min(len(found.samples), len(found.data), len(found.train))
    if least < 3:
        raise ValueError(
            f"KID and its error take three examples of each side at least, and there are {least}"
        )
    if subsets and not 3 <= subset_size < least:
        message = f"subset_size is {subset_size}, and a subset of {least:,} examples has 3 at least and fewer than all"
        raise ValueError(f"{message}: choose another subset_size, or subsets: 0 for all pairs")
    facts = {**found.provenance, "pairs": f"{subsets} subsets of {subset_size}" if subsets else "all"}
    facts["kernel values held"] = f"{8 * BLOCK / 1e6:.0f} MB at most"
    figures: dict[str, float] = {}
    for name, side in (("kid", found.samples), ("kid_of_data", found.train)):
        if subsets:
            drawn = [mmd2(_some(side, subset_size), _some(found.data, subset_size)) for _ in range(subsets)]
            values = torch.tensor([value for value, _ in drawn], dtype=torch.float64)
            error = float(values.std()) / subsets**0.5 if subsets > 1 else drawn[0][1]
            figures |= {name: float(values.mean()), f"{name}_standard_error": error}
        else:
            value, error = mmd2(side, found.data, tell)
            figures |= {name: value, f"{name}_standard_error": error}
    return Figures(figures, facts)


def mmd2(x: Tensor, y: Tensor, tell: Callable[[str], None] = lambda text: None) -> tuple[float, float]:
    """The unbiased MMD^2 of x (m, d) and y (n, d) under the cubic kernel, and its jackknife standard error."""
    m, n = len(x), len(y)
    xx, yy = own_sums(x, tell), own_sums(y, tell)  # of each row the sum over the others
    across, down = cross_sums(x, y, tell)
    sum_xx, sum_yy, sum_xy = xx.sum(), yy.sum(), across.sum()
    value = sum_xx / (m * (m - 1)) + sum_yy / (n * (n - 1)) - 2 * sum_xy / (m * n)
    if min(m, n) < 3:
        return float(value), 0.0
    without_x = (sum_xx - 2 * xx) / ((m - 1) * (m - 2)) - 2 * (sum_xy - across) / ((m - 1) * n)
    without_y = (sum_yy - 2 * yy) / ((n - 1) * (n - 2)) - 2 * (sum_xy - down) / (m * (n - 1))
    variance = (m - 1) * without_x.var(correction=0) + (n - 1) * without_y.var(correction=0)
    return float(value), float(variance.sqrt())


def own_sums(x: Tensor, tell: Callable[[str], None] = lambda text: None) -> Tensor:
    """sum_{j != i} k(x_i, x_j) for each row: (n,). Each pair is computed once."""
    x = x.double()
    n, rows = len(x), max(BLOCK // len(x), 1)
    sums = x.new_zeros(n)
    for begin in timed(range(0, n, rows), -(-n // rows), tell, f"comparing {n:,} with themselves"):
        part = slice(begin, begin + rows)
        kernel = _kernel(x[part], x[begin:])
        size = len(kernel)
        kernel[:, :size].fill_diagonal_(0)
        sums[part] += kernel.sum(1)
        sums[begin + size :] += kernel[:, size:].sum(0)
    return sums


def cross_sums(
    x: Tensor, y: Tensor, tell: Callable[[str], None] = lambda text: None
) -> tuple[Tensor, Tensor]:
    """sum_j k(x_i, y_j) for each row of x (m,), and sum_i of them for each of y (n,)."""
    x, y = x.double(), y.double()
    rows = max(BLOCK // len(y), 1)
    across, down = [], y.new_zeros(len(y))
    blocks = timed(torch.split(x, rows), -(-len(x) // rows), tell, f"comparing {len(x):,} with {len(y):,}")
    for part in blocks:
        kernel = _kernel(part, y)
        across.append(kernel.sum(1))
        down += kernel.sum(0)
    return torch.cat(across), down


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    base = torch.addmm(x.new_ones(()), x, y.T, alpha=1 / x.shape[1])
    return base.square().mul_(base)


def _some(x: Tensor, n: int) -> Tensor:
    return x[torch.randperm(len(x))[:n].to(x.device)]
