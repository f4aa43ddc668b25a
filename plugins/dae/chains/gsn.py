"""The generative stochastic network, of x alone or of x given conditions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from genframe import Count, Noise, NonNegative, Shape

Shapes = Shape | tuple[Shape, ...]
"""The shape of x; or that and those of the conditions."""

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}


class GSN(nn.Module):
    """x (batch, *out_shape)[, conditions (batch, ...)] -> what the likelihood takes: (steps, batch, *out_shape).

    Bengio et al. 2014, Deep Generative Stochastic Networks, section 4: layers of hidden units with tied weights W_i,

        h_i = f(W_i h_{i-1} + W_{i+1}^T h_{i+1} + b_i + std e) + std e',    e, e' ~ N(0, I)

    start at 0. What is given is that after each of `steps` steps. A step corrupts x by the recipe's noise, updates the
    odd layers, then the even ones, x among them: p(x|h_1) is sampled (or its mean taken), and is where the next step
    starts. Without noise in the first layer, as in the published code, whose settings are the defaults. With
    `likelihood(gsn(x))` the samples' dimension of p_x is the step, and `nll` averages over it: the published cost is
    the sum, `steps` times as much. One layer and std 0 is a denoising autoencoder with tied weights, trained by
    walkback.

    Conditions are clamped: they enter the first layer as they are, in each step, and nothing restores them. With the
    label's units as x and a picture as its condition, this is the discriminant GSN, which is taught by the target's
    reconstruction alone (Zhou and Troyanskaya 2014). `walk` gives the last layer too, for a net that tells labels from
    it: the hybrid of both costs (Zohrer and Pernkopf 2014).
    """

    sample_ndim = 1  # dimensions that the result has in front of the batch

    def __init__(
        self,
        in_shape: Shapes,
        out_shape: Shape,
        noise: Noise,
        likelihood: Callable[[Tensor], Distribution],
        *,
        hidden: tuple[Count, ...] = (1500, 1500),
        steps: Count = 4,
        std: NonNegative = 2.0,
        first_std: NonNegative = 0.0,
        activation: Literal["tanh", "sigmoid", "relu"] = "tanh",
        move: Literal["sample", "mean"] = "sample",
    ) -> None:
        """first_std: `std` of the first hidden layer. Raises ValueError where a likelihood takes not what x has."""
        super().__init__()
        first, *conditions = (in_shape,) if not in_shape or isinstance(in_shape[0], int) else in_shape
        if not hidden:
            raise ValueError("hidden is empty: a GSN has a hidden layer at least")
        if first != tuple(out_shape):
            raise ValueError(f"a GSN restores what it is given: {first} to {tuple(out_shape)} is none")
        self.out_shape, self.steps, self.move = tuple(out_shape), steps, move
        self.stds = (0.0, first_std, *[std] * (len(hidden) - 1))
        self.activation = ACTIVATIONS[activation]
        self._held = (noise, likelihood)  # in a tuple: their parameters are not this net's
        sizes = (math.prod(out_shape), *hidden)
        self.weights = nn.ParameterList(_uniform(above, below) for below, above in pairwise(sizes))
        self.biases = nn.ParameterList(torch.zeros(size) for size in sizes)
        clamped = sum(math.prod(shape) for shape in conditions)
        self.clamped = nn.Linear(clamped, hidden[0], bias=False) if clamped else None

    def forward(self, x: Tensor, *conditions: Tensor) -> Tensor:
        return self.walk(x, *conditions)[0]

    def walk(self, x: Tensor, *conditions: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the last layer after each step: (steps, batch, hidden[-1])."""
        given = self._given(conditions)
        state: Any = x
        made, tops = [], []
        for _ in range(self.steps):
            _, features, state = self._step(state, given)
            made.append(features)
            tops.append(state[-1])
        return torch.stack(made), torch.stack(tops)

    walk.sample_ndim = 1  # type: ignore[attr-defined]  # as the net's

    def top(self, x: Tensor, *conditions: Tensor) -> Tensor:
        """The last layer after each step, alone: for outputs, which can't unpack."""
        return self.walk(x, *conditions)[1]

    top.sample_ndim = 1  # type: ignore[attr-defined]

    def infer(self, *conditions: Tensor) -> Tensor:
        """What `forward` gives of an x that nothing is known of, which starts at 0: the conditions alone tell it."""
        first = conditions[0]
        return self(torch.zeros(len(first), *self.out_shape, device=first.device), *conditions)  # type: ignore[no-any-return]

    infer.sample_ndim = 1  # type: ignore[attr-defined]

    def advance(
        self, state: Tensor | Sequence[Tensor], *conditions: Tensor
    ) -> tuple[Distribution, tuple[Tensor, ...]]:
        """A step of the chain: a state (x, h_1, h_2 ...), or x alone at the start -> p(x'|h_1), and the next state."""
        p_x, _, after = self._step(state, self._given(conditions))
        return p_x, after

    def _given(self, conditions: Sequence[Tensor]) -> Tensor:
        """What the first layer is given by its bias and the conditions: (hidden[0],) or (batch, hidden[0])."""
        given: Tensor = self.biases[1]
        if self.clamped is not None:
            joined = torch.cat([part.flatten(1) for part in conditions], 1)
            given = self.clamped(joined.to(self.clamped.weight.dtype)) + given
        return given

    def _step(
        self, state: Tensor | Sequence[Tensor], given: Tensor
    ) -> tuple[Distribution, Tensor, tuple[Tensor, ...]]:
        noise, likelihood = self._held
        x, *hidden = (state,) if isinstance(state, Tensor) else state
        top = len(self.weights)
        layers: list[Tensor | None] = [noise.noised(x).flatten(1), *hidden, *[None] * (top - len(hidden))]
        for layer in range(1, top + 1, 2):
            layers[layer] = self._updated(layers, layer, given if layer == 1 else self.biases[layer])
        features = self._into(layers, 0, self.biases[0]).view(-1, *self.out_shape)
        for layer in range(2, top + 1, 2):
            layers[layer] = self._updated(layers, layer, self.biases[layer])
        p_x = likelihood(features)
        moved = p_x.sample() if self.move == "sample" else p_x.mean
        return p_x, features, (moved, *(h for h in layers[1:] if h is not None))

    def _updated(self, layers: Sequence[Tensor | None], layer: int, bias: Tensor) -> Tensor:
        std, into = (
            self.stds[layer],
            self._into(layers, layer, bias).float(),
        )  # noise is drawn in full precision
        if std == 0:
            return self.activation(into)
        made = self.activation(torch.add(into, torch.randn_like(into), alpha=std))
        noised: Tensor = torch.add(made, torch.randn_like(made), alpha=std)
        return noised

    def _into(self, layers: Sequence[Tensor | None], layer: int, into: Tensor) -> Tensor:
        """What a layer is given beside its bias by those below and above: nothing where they are still 0."""
        below = layers[layer - 1] if layer else None
        above = layers[layer + 1] if layer < len(self.weights) else None
        if below is not None:
            into = torch.addmm(into, below, self.weights[layer - 1].T)
        if above is not None:
            into = torch.addmm(into, above, self.weights[layer])
        return into if into.ndim == 2 else into.expand(len(layers[0]), -1)  # type: ignore[arg-type]  # x is there


def _uniform(rows: int, columns: int) -> Tensor:
    """Weights (rows, columns) by Glorot and Bengio (2010)."""
    weight = torch.empty(rows, columns)
    nn.init.xavier_uniform_(weight)
    return weight
