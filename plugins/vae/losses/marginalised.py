"""The bound of examples whose label is not known."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Categorical

from genframe import Terms


def marginalised(x: Tensor, p_y: Categorical, bound: Callable[[Tensor, Tensor], Tensor]) -> Terms:
    """Minus the bound of each x without its label, every label taken in turn: (batch,), in nats.

        sum_y q(y|x) (L(x, y) + log q(y|x)) + log C,        L(x, y) = -log p(x|y) bounded, p(y) = 1 / C

    Kingma, Mohamed, Rezende & Welling 2014, eq. 7 (the model M2). p_y: q(y|x), of C classes. bound: a wire (x, labels
    as vectors (..., C)) -> L (...), called once: with x (C, batch, ...) and a label for each of the C. The entropy of
    q(y|x) is logged.
    """
    classes = p_y.probs.shape[-1]
    labels = torch.eye(classes, device=x.device)[:, None].expand(-1, len(x), -1)  # (C, batch, C)
    bounds = bound(x.expand(classes, *x.shape), labels)  # (C, batch)
    entropy = -(p_y.probs * p_y.logits).sum(-1)  # of torch's Categorical the logits are log-probabilities
    return Terms((p_y.probs.T * bounds).sum(0) - entropy + math.log(classes), {"label_entropy": entropy})
