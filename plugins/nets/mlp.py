"""Fully connected encoder and decoder."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genframe import Count, NonNegative, Shape

from .layers import Shapes, draw_weights, flat, logit_of_marginals, size, stack
from .spectral import normalise_spectrally


class MLPEncoder(nn.Module):
    """x (batch, *in_shape)[, conditions (batch, ...)] -> features (batch, hidden[-1]).

    One layer of 400 rectified units: the encoder of Kingma & Welling (2014) at today's width. `init_std` draws the
    weights from N(0, init_std^2), `glorot` uniformly as Glorot & Bengio (2010), and both set the biases to zero;
    without them they are torch's.
    """

    def __init__(
        self,
        in_shape: Shapes,
        *,
        hidden: tuple[Count, ...] = (400,),
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        init_std: NonNegative | None = None,
        glorot: bool = False,
    ) -> None:
        super().__init__()
        self.net = stack((size(in_shape), *hidden), activation)
        draw_weights(self, init_std, glorot)

    def forward(self, x: Tensor, *conditions: Tensor) -> Tensor:
        features: Tensor = self.net(flat(x, conditions))
        return features


class MLPDecoder(nn.Module):
    """z (batch, *in_shape)[, conditions] -> (batch, *out_shape), what the likelihood takes; no activation at the end.

    `init_std` and `glorot` as for the encoder. `marginals`: the last biases start at the logits of the mean training
    example, so that a Bernoulli likelihood begins where it would end without a latent (Burda et al. 2016's code).
    `spectral_norm` divides each weight by its largest singular value (RAE-SN, Ghosh et al. 2020).
    """

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        *,
        hidden: tuple[Count, ...] = (400,),
        activation: Literal["relu", "leaky_relu", "tanh", "elu", "gelu", "silu"] = "relu",
        init_std: NonNegative | None = None,
        glorot: bool = False,
        marginals: bool = False,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = (size(in_shape), *hidden)
        self.net = stack(widths, activation)
        self.last = nn.Linear(widths[-1], math.prod(out_shape))
        draw_weights(self, init_std, glorot)
        normalise_spectrally(self, spectral_norm)
        self.out_shape, self.marginals = tuple(out_shape), marginals

    def begin_from(self, data: Any) -> None:
        """Before the first step of a run: see `marginals`. Raises ValueError where an output is no value's logit."""
        if self.marginals:
            with torch.no_grad():
                self.last.bias.copy_(logit_of_marginals(data, self.out_shape).flatten())

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.last(self.net(flat(z, conditions)))
        return out.view(-1, *self.out_shape)
