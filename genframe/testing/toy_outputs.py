"""A trained model for metrics: linear and Gaussian, so that its likelihood and its bound are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any

import torch
from torch import Tensor

from genframe.arguments import named
from genframe.binding import required_parameters
from genframe.distributions import DiagonalGaussian
from genframe.testing.kit import NotApplicable
from genframe.testing.toys import Case
from genframe.values import Levels

STD = 0.25
"""The standard deviation of p(x|z), and about what each live latent adds to it."""

LOG_Z = 7.0
"""What the free energies of the toy lack to be negative log-likelihoods."""

ACCEPTED = 0.6
"""The share of Hamiltonian moves that the toy's annealing accepts."""

LIVE, LATENTS = 3, 5
"""Latents that the data depend on, and all of them."""


@dataclass
class ToyOutputs:
    """x = W z + b + STD epsilon, z ~ N(0, I), with the exact posterior; by the outputs' public names.

    draws: whether outputs draw, as those of most models do. Without, each is a function of its arguments, row by
    row, whatever the batches are; `sample` goes through a fixed sequence.
    """

    case: Case
    seed: int = 1
    draws: bool = False
    asked: list[str] = field(default_factory=list)
    _sampled: int = 0

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """An output, without gradient as the engine gives it. Raises NotApplicable for a name that is not known."""
        if name not in OUTPUTS:
            raise NotApplicable(
                f"the kit's toy model has no output {name!r}; it has {', '.join(sorted(OUTPUTS))}"
            )
        self.asked.append(name)
        output: Callable[..., Any] = getattr(self, name)
        parameters = required_parameters(output)

        @torch.no_grad()
        @wraps(output)
        def call(*args: Any) -> Any:
            return output(**named(parameters, args))

        return call

    @cached_property
    def weight(self) -> Tensor:
        """W (values of x, latents); the last latents change nothing."""
        size = math.prod(self.case.data_shape)
        generator = torch.Generator().manual_seed(self.seed)
        weight: Tensor = torch.randn(size, LATENTS, generator=generator) * STD / size**0.5
        weight[:, LIVE:] = 0
        return weight

    @cached_property
    def covariance(self) -> Tensor:
        """Of q(z|x): (latents, latents), the same for each x."""
        inverse: Tensor = torch.linalg.inv(torch.eye(LATENTS) + self.weight.T @ self.weight / STD**2)
        return inverse

    @property
    def _shift(self) -> float:
        return 0.5 if self.case.is_image else 0.0

    def encode(self, x: Tensor) -> Tensor:
        """x (batch, ...) -> E[z|x] (batch, latents)."""
        return (x.flatten(1) - self._shift) @ self.weight @ self.covariance / STD**2

    def decode(self, z: Tensor) -> Tensor:
        """z (..., latents) -> E[x|z] (..., *data_shape)."""
        x = z @ self.weight.T + self._shift
        return x.reshape(*z.shape[:-1], *self.case.data_shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    denoise = reconstruct

    def corrupted(self, x: Tensor) -> Tensor:
        """x and noise; without draws a fixed function of x that looks like it."""
        return x + 0.1 * (torch.randn_like(x) if self.draws else torch.sin(1000 * x))

    def noised(self, x: Tensor, level: Tensor) -> Tensor:
        """x with noise of the deviation `level` (batch,); without draws a fixed function of x that looks like it."""
        noise = torch.randn_like(x) if self.draws else 2**0.5 * torch.sin(1000 * x)
        return x + level.reshape(-1, *[1] * (x.ndim - 1)) * noise

    def corruption(self, x: Tensor) -> tuple[Tensor, Levels]:
        """x with noise, and its deviation: drawn between 0.1 and 0.5, or a fixed function of x."""
        mean = x.flatten(1).mean(1)
        level = 0.1 + 0.4 * (torch.rand_like(mean) if self.draws else torch.sin(1000 * mean).square())
        return self.noised(x, level), Levels(level.unsqueeze(1), ("level",))

    def say_level(self, x: Tensor) -> Tensor:
        """x with noise (batch, ...) -> about how much there is: (batch,)."""
        return (x - self.reconstruct(x)).flatten(1).std(1)

    def restored(self, x: Tensor) -> Tensor:
        return self.reconstruct(self.corrupted(x))

    def transition(self, x: Tensor) -> DiagonalGaussian:
        """x (batch, ...) -> p(x'|x) of a Markov chain: the restored x, and noise."""
        return DiagonalGaussian(self.restored(x), torch.tensor(STD), event_ndim=len(self.case.data_shape))

    def classify(self, x: Tensor) -> Tensor:
        """x (batch, ...) -> probabilities (batch, classes): right about as often as by chance."""
        return (40 * self.encode(x)[:, : self.case.classes]).softmax(-1)

    def sample(self, n: int) -> Tensor:
        """(n, *data_shape) from p(x|z)p(z): without draws the next n of a fixed sequence."""
        x = self.decode(self.draw_z(n))
        return x.clamp(0, 1) if self.case.is_image else x

    def draw_z(self, n: int) -> Tensor:
        """(n, latents) from p(z): without draws the next n of a fixed sequence."""
        if self.draws:
            return torch.randn(n, LATENTS)
        self._sampled += n
        return torch.stack([_normal(self._sampled - n + place) for place in range(n)])

    def elbo_parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, ...) -> KL(q(z|x) || p(z)) and E_q[-log p(x|z)], each (batch,): their sum is -log p(x)."""
        mean, size = self.encode(x), math.prod(self.case.data_shape)
        rate = 0.5 * (self.covariance.trace() + mean.square().sum(1) - LATENTS - self.covariance.logdet())
        spread = (self.weight.T @ self.weight @ self.covariance).trace()
        far = (x.flatten(1) - self.decode(mean).flatten(1)).square().sum(1)
        distortion = 0.5 * size * math.log(2 * math.pi * STD**2) + (far + spread) / (2 * STD**2)
        if self.draws:
            distortion = distortion + torch.randn(len(x))
        return rate, distortion

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): (batch,)."""
        rate, distortion = ToyOutputs(self.case, self.seed).elbo_parts(x)
        return -rate - distortion

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """log w (k, batch), the mean of w being p(x): without draws each is p(x), as the posterior is exact."""
        exact = self.log_prob(x).expand(k, -1)
        return exact + torch.randn(k, len(x)) - 0.5 if self.draws else exact

    def annealed_weights(self, x: Tensor, temperatures: int, chains: int) -> tuple[Tensor, Tensor]:
        """log w (chains, batch), the mean of w being p(x), and a share of accepted moves (batch,)."""
        return self.log_weights(x, chains), torch.full((len(x),), ACCEPTED)

    def annealed_bounds(self, x: Tensor, temperatures: int, chains: int) -> tuple[Tensor, Tensor]:
        """Of x taken for draws of the model, log weights (chains, batch) whose means are p(x), and 1/p(x)."""
        return self.log_weights(x, chains), self.log_weights(x, chains) - 2 * self.log_prob(x)

    def free_energy(self, x: Tensor) -> Tensor:
        """-log p(x) of what is not normalised: its log Z is LOG_Z. (batch,)."""
        return -self.log_prob(x) - LOG_Z

    def annealed_log_z(self, x: Tensor, k: int, n: int) -> Tensor:
        """n estimates of log Z whose exp is unbiased: without draws each is exact. (n,)."""
        exact = torch.full((n,), LOG_Z)
        return exact + (torch.randn(n) - 0.5 if self.draws else 0)


def _normal(place: int) -> Tensor:
    return torch.randn(LATENTS, generator=torch.Generator().manual_seed(place))


OUTPUTS = (
    *(
        "encode",
        "classify",
        "decode",
        "reconstruct",
        "denoise",
        "noised",
        "corrupted",
        "corruption",
        "say_level",
        "restored",
        "transition",
        "sample",
        "draw_z",
    ),
    *("elbo_parts", "log_prob", "log_weights", "free_energy", "annealed_log_z"),
    *("annealed_weights", "annealed_bounds"),
)
"""The public outputs that the toy model has."""


def known_figures(outputs: ToyOutputs, x: Tensor, y: Tensor) -> Mapping[str, tuple[str, float]]:
    """Figures by their public names: the output that such a figure is made of, and what it is for these x and y."""
    rate, distortion = (part.double() for part in ToyOutputs(outputs.case, outputs.seed).elbo_parts(x))
    bound = -(rate + distortion)
    right = (outputs.classify(x).argmax(-1) == y).double()
    return {
        "elbo": ("elbo_parts", float(bound.mean())),
        "rate": ("elbo_parts", float(rate.mean())),
        "distortion": ("elbo_parts", float(distortion.mean())),
        "elbo_standard_error": ("elbo_parts", float(bound.std()) / len(x) ** 0.5),
        "log_likelihood": ("log_weights", float(bound.mean())),
        "log_likelihood_standard_error": ("log_weights", float(bound.std()) / len(x) ** 0.5),
        "ais_log_likelihood": ("annealed_log_z", float(bound.mean())),
        "ais_log_likelihood_standard_error": ("free_energy", float(bound.std()) / len(x) ** 0.5),
        "annealed_log_likelihood": ("annealed_weights", float(bound.mean())),
        "annealed_log_likelihood_standard_error": (
            "annealed_weights",
            float(bound.std()) / len(x) ** 0.5,
        ),
        "annealed_acceptance": ("annealed_weights", ACCEPTED),
        "annealed_gap": ("annealed_bounds", 0.0),
        "log_z": ("annealed_log_z", LOG_Z),
        "active_units": ("encode", float(LIVE)),
        "latent_units": ("encode", float(LATENTS)),
        "accuracy": ("classify", float(right.mean())),
    }
