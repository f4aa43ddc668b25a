"""Fully connected encoder and decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from genframe import Count, NonNegative, Shape

from .layers import ACTIVATIONS, Shapes, draw_weights, flat, inputs, logit_of_marginals, size, stack
from .norms import Chain, normalisation
from .spectral import normalise_spectrally
from .upwards import condition_size, told_apart


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
    norm: `batch` before each activation, or `conditional`: batch norm whose gains and shifts follow the conditions,
    which then stand nowhere else. `spectral_norm` divides each weight by its largest singular value (RAE-SN, Ghosh et
    al. 2020).
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
        norm: Literal["none", "batch", "conditional"] = "none",
        marginals: bool = False,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        told = condition_size(in_shape, norm)
        widths = (size(inputs(in_shape)[0] if told else in_shape), *hidden)
        self.net = Chain(layers(widths, activation, norm, told))
        self.last = nn.Linear(widths[-1], math.prod(out_shape))
        self.told = bool(told)
        draw_weights(self, init_std, glorot)
        normalise_spectrally(self, spectral_norm)
        self.out_shape, self.marginals = tuple(out_shape), marginals

    def begin_from(self, data: Any) -> None:
        """Before the first step of a run: see `marginals`. Raises ValueError where an output is no value's logit."""
        if self.marginals:
            with torch.no_grad():
                self.last.bias.copy_(logit_of_marginals(data, self.out_shape).flatten())

    def forward(self, z: Tensor, *conditions: Tensor) -> Tensor:
        out: Tensor = self.last(self.net(*told_apart(z.flatten(1), conditions, self.told)))
        return out.view(-1, *self.out_shape)


def layers(widths: Sequence[int], activation: str, norm: str = "none", told: int = 0) -> list[nn.Module]:
    """Linear layers between neighbouring `widths`, each followed by the norm, if there is one, and the activation."""
    made: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        bias = norm == "none"  # batch norm takes the mean away, and a bias with it
        norms = normalisation(norm, fan_out, told, pictures=False)
        made += [nn.Linear(fan_in, fan_out, bias=bias), *norms, ACTIVATIONS[activation]()]
    return made
