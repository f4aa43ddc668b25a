"""Fully connected encoder and decoder."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

from genframe import Count, NonNegative, Shape

from .layers import Shapes, draw_weights, flat, size, stack


class MLPEncoder(nn.Module):
    """x (batch, *in_shape)[, conditions (batch, ...)] -> features (batch, hidden[-1]).

    One layer of 400 rectified units: the encoder of Kingma & Welling (2014) at today's width. `init_std` draws the
    weights from N(0, init_std^2) and sets the biases to zero; without it they are torch's.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        hidden: tuple[Count, ...] = (400,),
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        init_std: NonNegative | None = None,
    ) -> None:
        super().__init__()
        self.net = stack((size(in_shape), *hidden), activation)
        draw_weights(self, init_std)

    def forward(self, x: Tensor, *conditions: Tensor) -> Tensor:
        features: Tensor = self.net(flat(x, conditions))
        return features


class MLPDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape), what the likelihood takes; no activation at the end.

    `init_std` as for the encoder.
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        hidden: tuple[Count, ...] = (400,),
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        init_std: NonNegative | None = None,
    ) -> None:
        super().__init__()
        widths = (size(in_shape), *hidden)
        self.net = stack(widths, activation)
        self.last = nn.Linear(widths[-1], math.prod(out_shape))
        draw_weights(self, init_std)
        self.out_shape = tuple(out_shape)

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.last(self.net(flat(z, conditions)))
        return out.view(-1, *self.out_shape)
