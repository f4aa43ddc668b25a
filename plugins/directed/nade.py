"""The neural autoregressive density estimator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genframe import Count, Shape

from .law import AutoregressiveLaw


class NADE(nn.Module):
    """p(v) = prod_i p(v_i | v_<i) with hidden units whose weights all conditionals share (Larochelle & Murray 2011).

        h_i = sigmoid(c + sum_{j < i} W_:j v_j),        p(v_i = 1 | v_<i) = sigmoid(b_i + V_i . h_i)

    Each is the first mean-field step of an RBM (Goodfellow et al. 2016, section 20.10.10). v has the shape of the data,
    bits, or is a vector of `dim`; the order is that in which the values stand. hidden: 500, the paper's. Training holds
    (batch, values, hidden) numbers, 160 MB for 100 pictures of 784 values at 500 units.
    """

    def __init__(self, data_shape: Shape, *, hidden: Count = 500, dim: Count | None = None) -> None:
        super().__init__()
        self.event_shape: Shape = tuple(data_shape) if dim is None else (dim,)
        self.classes: int | None = None
        count = math.prod(self.event_shape)
        self.into = nn.Parameter(torch.randn(count, hidden) / math.sqrt(count))  # W: (values, hidden)
        self.out = nn.Parameter(torch.randn(count, hidden) / math.sqrt(hidden))  # V: (values, hidden)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.visible_bias = nn.Parameter(torch.zeros(count))

    def forward(self) -> AutoregressiveLaw:
        return AutoregressiveLaw(self)

    def log_prob(self, value: Tensor) -> Tensor:
        """(n, *event_shape) -> (n,)."""
        flat = value.flatten(1).to(self.into.dtype)
        logits = self.conditionals(flat)
        return -F.binary_cross_entropy_with_logits(logits, flat, reduction="none").sum(1)

    def conditionals(self, flat: Tensor) -> Tensor:
        """The logit of each value given those before it: (n, values) -> (n, values)."""
        added = flat[:, :-1, None] * self.into[:-1]  # (n, values - 1, hidden)
        before = F.pad(added.cumsum(1), (0, 0, 1, 0))  # what stands before the first value is nothing
        hidden = (before + self.hidden_bias).sigmoid_()
        return self.visible_bias + (hidden * self.out).sum(-1)

    def draw(self, n: int) -> Tensor:
        """n draws, value after value: O(values * hidden) each."""
        field = self.hidden_bias.repeat(n, 1)  # (n, hidden)
        values = []
        for into, out, bias in zip(self.into, self.out, self.visible_bias, strict=True):
            values.append(torch.bernoulli((bias + field.sigmoid() @ out).sigmoid()))
            field = torch.addr(field, values[-1], into)
        return torch.stack(values, 1).view(n, *self.event_shape)
