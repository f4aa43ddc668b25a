"""The maximum mean discrepancy."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from genframe import MinLen, Positive

from .kernels import discrepancy, draws_of


def mmd(
    a: Tensor,
    b: Tensor,
    *,
    kernel: Literal["gaussian", "imq", "rational-quadratic", "energy", "dot"] = "gaussian",
    scales: Annotated[tuple[Positive, ...], MinLen(1)] | None = None,
    estimate: Literal["unbiased", "biased", "root"] = "unbiased",
) -> Tensor:
    """How far two sets of draws are apart, a (n, ...) and b (m, ...): 0-dim (Gretton et al. 2012).

        E k(a, a') + E k(b, b') - 2 E k(a, b)

    `unbiased` leaves out each draw's pair with itself and may be negative; `biased` is never; `root` is the biased
    one's square root, whose gradient does not fade near 0: what a moment-matching network minimises (Li et al. 2015,
    eq. 6). Kernels are summed over `scales`, by default those of their papers: `gaussian` 2 to 80, in the unit of the
    values, for 784 pixels; `imq` 0.1 to 10 times a standard normal's spread, for codes; `rational-quadratic` 0.2 to
    5; `energy` and `dot` (which compares means alone) know none. Dimensions of samples count as further draws. It costs
    n m, and is noise for fewer draws than dimensions: Li took 1,000. Raises ValueError for draws of other shapes.
    """
    event_ndim = min(a.ndim, b.ndim) - 1
    squared = discrepancy(
        draws_of(a, event_ndim), draws_of(b, event_ndim), kernel, scales, unbiased=estimate == "unbiased"
    )
    return (squared.clamp_min(0) + 1e-12).sqrt() if estimate == "root" else squared
