"""log p(x) of a decoder by annealed importance sampling from p(z) to p(z|x), and its check from the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor
from torch.distributions import Distribution

from genframe import Count, Gt, Lt

from .hamiltonian import Target, step

Observe = Callable[[Tensor], Distribution]

TUNING = 4
"""The preliminary run, which finds the sizes of the leaps, has a fourth of the temperatures."""

FIRST, RATE, SETTLING = 0.3, 0.7, 20
"""The size of the first leap, by how much its logarithm follows the acceptance, and the moves before the first law."""


def annealed_importance(
    x: Tensor,
    p_z: Distribution,
    observe: Observe,
    temperatures: int,
    chains: int,
    *,
    leapfrogs: Count = 10,
    acceptance: Annotated[float, Gt(0), Lt(1)] = 0.65,
) -> tuple[Tensor, Tensor]:
    """log w (chains, batch) with E[w] = p(x), and the share of accepted moves (batch,) (Wu et al. 2017, section 3).

        log w = sum_t (b_t - b_{t-1}) log p(x|z_{t-1}),    z_0 ~ p(z),  z_t ~ T_t(. | z_{t-1}),  b_t from 0 to 1

    where T_t, one Hamiltonian transition, leaves p(z) p(x|z)^{b_t} as it is; b_t is a sigmoid of t over -4 to 4, scaled
    to [0, 1]. log of the mean of w is below log p(x) on the average; more temperatures bring it nearer. The size of a
    leap is tuned for each x and temperature in a preliminary run on chains of its own and then held, since sizes that
    follow the chains they move would bias w. Raises ValueError where z has no gradient: codes, vectors on a sphere.
    """
    anneal = _Annealing(x, p_z, observe, temperatures, leapfrogs)
    sizes, _ = anneal.tuned(anneal.start(chains), acceptance)
    log_w, accepted = anneal.forward(anneal.start(chains), sizes)
    return log_w, accepted


def bidirectional_annealing(
    x: Tensor,
    p_z: Distribution,
    observe: Observe,
    temperatures: int,
    chains: int,
    *,
    leapfrogs: Count = 10,
    acceptance: Annotated[float, Gt(0), Lt(1)] = 0.65,
) -> tuple[Tensor, Tensor]:
    """Of as many x' as x has rows, drawn by the model: log w of chains forwards, and backwards from each x' own z.

    Grosse, Ghahramani & Adams 2015; Wu et al. 2017, section 4. Two tensors (chains, batch). A pair (z, x') of the model
    is also an x' with an exact sample of p(z|x'), from which the reversed chain gives w' with E[w'] = 1/p(x'). So log
    mean w is below log p(x') on the average and -log mean w' above: their gap bounds what annealing misses, on data of
    the model. Of x itself only the number serves, and its conditions where the model has some.
    """
    z = p_z.sample(torch.Size([] if p_z.batch_shape else [len(x)]))
    anneal = _Annealing(observe(z).sample(), p_z, observe, temperatures, leapfrogs)
    sizes, _ = anneal.tuned(anneal.start(chains), acceptance)
    forward, _ = anneal.forward(anneal.start(chains), sizes)
    backward = anneal.backward(z.expand(chains, *z.shape), sizes)
    return forward, backward


class _Annealing:
    """The laws between p(z) and p(z|x) for some x (batch, ...), and chains through them."""

    def __init__(
        self, x: Tensor, p_z: Distribution, observe: Observe, temperatures: int, leapfrogs: int
    ) -> None:
        self.x, self.p_z, self.observe, self.leapfrogs = x, p_z, observe, leapfrogs
        self.betas = schedule(temperatures)

    def start(self, chains: int) -> Tensor:
        """z_0 ~ p(z): (chains, batch, *event)."""
        lead = [chains] if self.p_z.batch_shape else [chains, len(self.x)]
        return self.p_z.sample(torch.Size(lead))

    def forward(self, z: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """log w (chains, batch), and the mean acceptance (batch,)."""
        log_w, accepted = self._zeros(z), []
        for number, (low, high) in enumerate(self._gaps()):
            log_w += (high - low) * self.log_likelihood(z)
            if high < 1:
                z, chance = step(self.target(high), z, self._size(sizes, number), self.leapfrogs)
                accepted.append(chance.mean(0))
        share = torch.stack(accepted).mean(0) if accepted else torch.ones_like(z[0].flatten(1)[:, 0])
        return log_w.to(z.dtype), share

    def backward(self, z: Tensor, sizes: Tensor) -> Tensor:
        """log w' of chains that start at samples of p(z|x): the moves of `forward` in reverse."""
        log_w = self._zeros(z)
        pairs = list(enumerate(self._gaps()))
        for number, (low, high) in reversed(pairs):
            log_w += (low - high) * self.log_likelihood(z)
            if low > 0:
                z, _ = step(self.target(low), z, self._size(sizes, number - 1), self.leapfrogs)
        return log_w.to(z.dtype)

    def tuned(self, z: Tensor, acceptance: float) -> tuple[Tensor, Tensor]:
        """Sizes of leaps (temperatures / TUNING, batch) that are accepted about so often; and the last z."""
        size, found = z.new_full((len(self.x),), FIRST), []
        for place, beta in enumerate(self.betas[1::TUNING].tolist()):
            for _ in range(min(SETTLING, len(self.betas) // TUNING) if place == 0 else 1):
                z, chance = step(self.target(beta), z, size, self.leapfrogs)
                size = size * (RATE * (chance.mean(0) - acceptance)).exp()
            found.append(size)
        return torch.stack(found), z

    def target(self, beta: float) -> Target:
        """log p(z) + beta log p(x|z), and its gradient in z."""

        def target(z: Tensor) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                z = z.detach().requires_grad_(z.is_floating_point())
                value = self.p_z.log_prob(z) + beta * self.observe(z).log_prob(self.x)
                if not value.requires_grad:
                    raise ValueError(
                        f"annealing moves z along the gradient of its density, and {type(self.p_z).__name__} over "
                        f"{tuple(self.p_z.event_shape)} has none: it serves real-valued latents; take `log-likelihood`"
                    )
                (slope,) = torch.autograd.grad(value.sum(), z)
            return value.detach(), slope

        return target

    def log_likelihood(self, z: Tensor) -> Tensor:
        """log p(x|z): (chains, batch), in double precision, as thousands of them are added."""
        with torch.no_grad():
            return self.observe(z).log_prob(self.x).double()

    def _gaps(self) -> Iterator[tuple[float, float]]:
        betas = self.betas.tolist()
        return pairwise(betas)

    @staticmethod
    def _size(sizes: Tensor, number: int) -> Tensor:
        return sizes[min(number // TUNING, len(sizes) - 1)]

    @staticmethod
    def _zeros(z: Tensor) -> Tensor:
        return torch.zeros(z.shape[:2], dtype=torch.float64, device=z.device)


def schedule(temperatures: int) -> Tensor:
    """b_0 = 0 to b_T = 1, close together at either end: a sigmoid (Wu et al. 2017, appendix). (T + 1,), double."""
    raw = torch.sigmoid(torch.linspace(-4, 4, temperatures + 1, dtype=torch.float64))
    betas = (raw - raw[0]) / (raw[-1] - raw[0])
    betas[-1] = 1.0
    return betas
