"""The Wasserstein autoencoder."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor
from torch.distributions import Distribution

from genframe import MinLen, Positive, Schedulable, Terms

from .kernels import discrepancy, draws_of
from .reconstruction import squared_error


def wae(
    x: Tensor,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    weight: Schedulable = 10.0,
    kernel: Literal["gaussian", "imq", "rational-quadratic", "energy"] = "imq",
    scales: Annotated[tuple[Positive, ...], MinLen(1)] | None = None,
) -> Terms:
    """|x - mean of p(x|z)|^2 + weight MMD^2(q(z), p(z)): (batch,) (Tolstikhin et al. 2018, algorithm 2).

    x (batch, ...), z (batch, d) of any encoder, best a `deterministic` one. The squared error is summed over the values
    of an example, which the paper's weight of 10 is for; the discrepancy is the unbiased one between the codes of the
    batch and as many draws of the prior, under inverse multiquadrics of seven scales. It is the aggregate of the
    codes, and no single posterior, that is drawn to the prior; with a batch smaller than d it is mostly noise. Not a
    bound. Logs both parts. Raises ValueError for a batch of one.
    """
    event_ndim = len(p_z.event_shape)
    codes = draws_of(z, event_ndim)
    gap = discrepancy(codes, draws_of(p_z.sample([len(codes)]), event_ndim), kernel, scales, unbiased=True)
    error = squared_error(x, p_x)
    return Terms(error + weight * gap, {"squared_error": error, "mmd": gap})
