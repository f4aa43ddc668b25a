"""The linear autoregressive net."""

from __future__ import annotations

from genframe import Count, Shape

from .made import MADE


class LogisticAutoregressive(MADE):
    """p(v) = prod_i sigmoid(b_i + sum_{j < i} W_ij v_j): a logistic regression of each bit on those before it.

    The fully visible belief network of Frey (1998; Goodfellow et al. 2016, section 20.10.8), with O(d^2) parameters.
    v has the shape of the data, or is a vector of `dim`.
    """

    def __init__(self, data_shape: Shape, *, dim: Count | None = None) -> None:
        super().__init__(data_shape, hidden=(), dim=dim)
