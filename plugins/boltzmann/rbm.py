"""The restricted Boltzmann machine of binary units."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

from genframe import Bernoulli, Count, Shape, per_example

from .law import BoltzmannLaw
from .partition import ENUMERATED, annealed_log_z, exact_log_z, log_mean_exp

SURE = 100.0
"""The log-odds of what is beyond doubt."""


class RBM(nn.Module):
    """p(v) = sum_h exp(-E(v, h)) / Z over binary v and h, without links within a layer (Smolensky 1986).

        E(v, h) = -b.v - c.h - v.W h,        F(v) = -b.v - sum_j softplus(c_j + (v W)_j),        p(v) = exp(-F(v)) / Z

    v has the shape of the data, or is a vector of `dim` (a prior over binary codes). `hidden`: units of h. `chains`:
    how many persistent chains it keeps, states v that `chain` moves; they are part of the checkpoint. As a
    distribution it is exact where a side has at most 12 units. Of larger ones `sample` takes `sweeps` Gibbs sweeps
    from its chains; `log_prob` has the gradient of maximum likelihood by the chains in training (its value lacks a
    constant there), and log Z by annealed importance sampling with `temperatures` in evaluation.
    W starts as N(0, 0.01^2), biases at 0 (Hinton 2010, section 8; a `hidden_bias` of -4 makes units that are seldom
    on). All methods take (..., *event).
    """

    chains: Tensor  # (chains, *event)

    def __init__(
        self,
        data_shape: Shape,
        *,
        hidden: Count = 500,
        dim: Count | None = None,
        hidden_bias: float = 0.0,
        chains: Count = 100,
        sweeps: Count = 200,
        temperatures: Count = 1000,
    ) -> None:
        super().__init__()
        self.event_shape: Shape = tuple(data_shape) if dim is None else (dim,)
        self.sizes = (math.prod(self.event_shape), hidden)
        self.sweeps, self.temperatures = sweeps, temperatures
        self.weight = nn.Parameter(0.01 * torch.randn(self.sizes))  # (visible, hidden)
        self.visible_bias = nn.Parameter(torch.zeros(self.sizes[0]))
        self.hidden_bias = nn.Parameter(torch.full((hidden,), hidden_bias))
        self.register_buffer("chains", self._started(chains).reshape(chains, *self.event_shape))
        self._annealed: tuple[object, Tensor] | None = None

    def forward(self) -> BoltzmannLaw:
        return BoltzmannLaw(self)

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h): (...)."""
        flat = self._flat(v)
        linear = self._visible_energy(flat) - (h * self.hidden_bias).sum(-1)
        return linear - (self._scaled(flat) @ self.weight * h).sum(-1)

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -log sum_h exp(-E(v, h)): (...)."""
        flat = self._flat(v)
        return self._visible_energy(flat) - F.softplus(self._gain(flat)).sum(-1)

    def hidden(self, v: Tensor) -> Bernoulli:
        """P(h|v) of all units and all states at once: it is factorial (Goodfellow et al. 2016, eq. 20.13 and 20.14).

            P(h|v) = prod_j sigmoid((2h - 1) * (c + W'v))_j

        The table of 2^n probabilities follows from n numbers: `hidden(v).log_prob(h)` is any entry of it, for
        any h (..., hidden). `hidden_probabilities` gives those of each unit's two states.
        """
        return Bernoulli(self._gain(self._flat(v)))

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        """P(h_j = s | v) of every unit j and both its states s = 0, 1 at once (eq. 20.14): (..., hidden, 2)."""
        gain = self._gain(self._flat(v))
        return torch.stack([-gain, gain], -1).sigmoid()  # (2s - 1) times the gain

    def visible(self, h: Tensor) -> Distribution:
        """P(v|h), factorial too (eq. 20.15): h (..., hidden) -> over (..., *event)."""
        return self._visible_law(self.visible_bias + h @ self.weight.T)

    @torch.no_grad()
    def gibbs(self, v: Tensor, k: int) -> Tensor:
        """v after k sweeps of block Gibbs sampling, each h ~ P(h|v) and then v ~ P(v|h); without gradient."""
        for _ in range(k):
            v = self.visible(self.hidden(v).sample()).sample()
        return v

    @torch.no_grad()
    def chain(self, k: int) -> Tensor:
        """The persistent chains (chains, *event) after k more sweeps; in training mode they stay there."""
        moved = self.gibbs(self.chains, k)
        if self.training:
            self.chains.copy_(moved)
        return moved

    def mean_field(self, v: Tensor, k: int) -> Tensor:
        """v after k sweeps of means instead of samples: deterministic, differentiable."""
        for _ in range(k):
            v = self.visible(self.hidden(v).mean).mean
        return v

    @torch.no_grad()
    def clamped(self, v: Tensor, mask: Tensor, k: int) -> Tensor:
        """Draws of what `mask` does not hold given what it holds: k sweeps, v reset where mask is 1 after each.

        mask: 0 and 1, of a shape that broadcasts to v's. Of the units that are drawn the last means are given.
        """
        given, mean, state = self._given(v, mask), v, v
        for _ in range(k):
            mean, state = given(self.visible(self.hidden(state).sample()))
        return mean

    def denoised(self, v: Tensor, level: Tensor | float, k: int) -> Tensor:
        """The mean of the clean picture given one with salt-and-pepper noise, over k sweeps after as many others.

        level: the share of the values that were replaced, one number or (batch,). A binary value is then its opposite
        with a chance of level / 2, so that the chain's law is p(clean | noisy): visible biases shifted by
        log((2 - level) / level) towards what is seen.
        """
        share = level_for(level, v).clamp(1e-6, 1)
        return self._posterior_mean(v, (2 * v - 1) * ((2 - share) / share).log(), k)

    def unmasked(self, v: Tensor, level: Tensor | float, k: int) -> Tensor:
        """The same where the share `level` of the values became 0: what is 1 is sure, of what is 0 some was 1."""
        share = level_for(level, v).clamp(1e-6, 1)
        return self._posterior_mean(v, torch.where(v > 0.5, SURE, share.log()), k)

    def log_z(self) -> Tensor:
        """log Z, 0-dim: by enumeration where a side has few units; else see the class."""
        if min(self.sizes) <= ENUMERATED:
            return exact_log_z(self)
        if self.training:
            phase = -self.free_energy(self.chain(1)).mean()
            return phase - phase.detach() + self._base_log_z(self._base(None)).detach()
        return self._estimated()

    def annealed_log_z(self, x: Tensor, k: int, n: int) -> Tensor:
        """n independent estimates of log Z (n,), float64, by k temperatures each; exp of them is unbiased.

        Annealing starts from the machine without links whose units have the means of x.
        """
        return annealed_log_z(self, self._base(x), k, n)

    def hidden_free_energy(self, h: Tensor) -> Tensor:
        """-log sum_v exp(-E(v, h)) of h (..., hidden): (...)."""
        field = self.visible_bias + h @ self.weight.T
        return -(h * self.hidden_bias).sum(-1) - F.softplus(field).sum(-1)

    def filters(self) -> Tensor:
        """What each hidden unit adds to the field of the visible ones: (hidden, *event)."""
        return self.weight.T.reshape(-1, *self.event_shape)

    # What a machine of other visible units has otherwise.

    support: constraints.Constraint = constraints.boolean

    def _given(self, v: Tensor, mask: Tensor) -> Callable[[Distribution], tuple[Tensor, Tensor]]:
        """P(v|h) -> the mean, and a draw, of v given its values where the mask is 1."""
        held = mask > 0
        return lambda law: (torch.where(held, v, law.mean), torch.where(held, v, law.sample()))

    def _started(self, n: int) -> Tensor:
        return torch.bernoulli(torch.full((n, self.sizes[0]), 0.5))

    def _visible_energy(self, flat: Tensor) -> Tensor:
        return -(flat * self.visible_bias).sum(-1)

    def _scaled(self, flat: Tensor) -> Tensor:
        return flat

    def _visible_law(self, field: Tensor) -> Distribution:
        return Bernoulli(self._shaped(field), event_ndim=len(self.event_shape))

    @torch.no_grad()
    def _posterior_mean(self, start: Tensor, log_odds: Tensor, k: int) -> Tensor:
        """The mean over k sweeps, after k others, of the chain whose visible biases are shifted by `log_odds`."""
        total, state = torch.zeros_like(start), start
        for sweep in range(2 * k):
            field = self.visible_bias + self.hidden(state).sample() @ self.weight.T
            law = self._visible_law(field + self._flat(log_odds))
            state = law.sample()
            total += law.mean if sweep >= k else 0
        return total / k

    def _base(self, x: Tensor | None) -> Tensor:
        """The visible biases of the machine without links that annealing starts from: the logits of the means of x."""
        if x is None:
            return self.visible_bias
        means = (self._flat(x).sum(0) + 0.5) / (len(x) + 1)
        return means.logit()

    def _base_log_z(self, base: Tensor) -> Tensor:
        return self.sizes[1] * math.log(2) + F.softplus(base).sum()

    def _slope(self, flat: Tensor, base: Tensor) -> Tensor:
        """-dE/dbeta of the visible biases on the way from `base` to this machine: (...)."""
        return (flat * (self.visible_bias - base)).sum(-1)

    # What all have.

    def _shaped(self, flat: Tensor) -> Tensor:
        """The inverse of `_flat`."""
        return flat.reshape(*flat.shape[:-1], *self.event_shape)

    def _flat(self, v: Tensor) -> Tensor:
        return v.flatten(v.ndim - len(self.event_shape)) if len(self.event_shape) != 1 else v

    def _gain(self, flat: Tensor) -> Tensor:
        """What each hidden unit gets: (..., hidden)."""
        return self.hidden_bias + self._scaled(flat) @ self.weight

    def _estimated(self) -> Tensor:
        """log Z by annealing, made again only when a parameter has changed."""
        key = tuple((p._version, p.data_ptr()) for p in self.parameters())
        if self._annealed is None or self._annealed[0] != key:
            draws = annealed_log_z(self, self._base(self.chains), self.temperatures, len(self.chains))
            self._annealed = (key, log_mean_exp(draws).to(self.weight))
        return self._annealed[1]


def level_for(level: Tensor | float, v: Tensor) -> Tensor:
    """A level, or one for each example, so that it goes with v."""
    return per_example(level, v) if isinstance(level, Tensor) and level.ndim else v.new_tensor(level)
