"""Right priors, posteriors and likelihoods of many sorts, small: what the kit must not complain of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import (
    Beta,
    Categorical,
    ContinuousBernoulli,
    Distribution,
    Exponential,
    Gamma,
    Independent,
    Laplace,
    LogNormal,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    StudentT,
    TransformedDistribution,
    Uniform,
    VonMises,
)
from torch.distributions.transforms import AffineTransform, SigmoidTransform

Make = Callable[[Tensor, Tensor, int], Distribution]


def posterior(make: Make) -> type[nn.Module]:
    """A posterior of two numbers (location, log-scale) for each of the latent's, and the number of event dimensions."""

    class Posterior(nn.Module):
        def __init__(self, in_shape, latent_shape):
            super().__init__()
            self.in_ndim, self.latent_shape = len(in_shape), tuple(latent_shape)
            self.linear = nn.Linear(math.prod(in_shape), 2 * math.prod(latent_shape))

        def forward(self, features):
            both = self.linear(features.flatten(-self.in_ndim)).unflatten(-1, (2, *self.latent_shape))
            first, second = both.unbind(-1 - len(self.latent_shape))
            return make(first, 3 * torch.tanh(second / 3), len(self.latent_shape))

    return Posterior


def likelihood(make: Make) -> type[nn.Module]:
    """A likelihood of two numbers for each of the data's: the channels of its features are doubled."""

    class Likelihood(nn.Module):
        def __init__(self, data_shape):
            super().__init__()
            self.event_ndim = len(data_shape)

        def takes(self, data_shape):
            return (2 * data_shape[0], *data_shape[1:])

        def forward(self, features):
            first, second = features.chunk(2, -self.event_ndim)
            return make(first, 3 * torch.tanh(second / 3), self.event_ndim)

    return Likelihood


def logits_likelihood(make: Callable[[Tensor, int], Distribution]) -> type[nn.Module]:
    """A likelihood of one number for each of the data's."""

    class Likelihood(nn.Module):
        def __init__(self, data_shape):
            super().__init__()
            self.event_ndim = len(data_shape)

        def takes(self, data_shape):
            return data_shape

        def forward(self, features):
            return make(features, self.event_ndim)

    return Likelihood


def torchs(family: Callable[[Tensor, Tensor], Distribution]) -> Make:
    """A law of torch's for each number, independent over the event."""
    return lambda first, second, ndim: Independent(family(first, second), ndim)


def covariant(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    """A Gaussian with covariances: of vectors alone."""
    if ndim != 1:
        raise ValueError("vectors alone")
    below = torch.tril(torch.full((second.shape[-1],) * 2, 0.9), -1)
    return MultivariateNormal(first, scale_tril=below + torch.diag_embed(second.exp()))


class OnCircle(Distribution):
    """von Mises as unit vectors of the plane: density by angle."""

    arg_constraints = {}
    has_rsample = False

    def __init__(self, location: Tensor, concentration: Tensor) -> None:
        self.angle = torch.atan2(location[..., 1], location[..., 0])
        self.kappa = concentration
        super().__init__(self.angle.shape, torch.Size([2]), validate_args=False)

    def sample(self, sample_shape=()):
        angle = VonMises(self.angle, self.kappa).sample(sample_shape)
        return torch.stack([angle.cos(), angle.sin()], -1)

    def log_prob(self, value):
        inner = value[..., 0] * self.angle.cos() + value[..., 1] * self.angle.sin()
        return self.kappa * (inner - 1) - math.log(2 * math.pi) - torch.special.i0e(self.kappa).log()


class OnSphere(Distribution):
    """von Mises-Fisher on the unit sphere of space (Wood 1994; the height's law has a closed inverse there)."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, location: Tensor, concentration: Tensor) -> None:
        self.location, self.kappa = F.normalize(location, dim=-1), concentration
        super().__init__(self.kappa.shape, torch.Size([3]), validate_args=False)

    def rsample(self, sample_shape=()):
        shape = (*sample_shape, *self.kappa.shape)
        u = torch.rand(shape).clamp(1e-6, 1 - 1e-6)
        height = 1 + torch.log(u + (1 - u) * torch.exp(-2 * self.kappa)) / self.kappa
        side = torch.randn(*shape, 3)
        side = F.normalize(side - (side * self.location).sum(-1, keepdim=True) * self.location, dim=-1)
        return height[..., None] * self.location + (1 - height**2).clamp(min=0).sqrt()[..., None] * side

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value):
        kappa = self.kappa
        constant = kappa.log() - math.log(2 * math.pi) - torch.log(-torch.expm1(-2 * kappa))
        return kappa * ((value * self.location).sum(-1) - 1) + constant


def on_circle(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    if first.shape[-1] != 2 or ndim != 1:
        raise ValueError("the circle lies in the plane")
    return OnCircle(first, second.mean(-1).exp())


def on_sphere(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    if first.shape[-1] != 3 or ndim != 1:
        raise ValueError("the sphere lies in space")
    return OnSphere(first, second.mean(-1).exp())


class Delta(Distribution):
    """A point mass: what a deterministic encoder gives."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, value: Tensor, event_ndim: int) -> None:
        self.value = value
        cut = value.ndim - event_ndim
        super().__init__(value.shape[:cut], value.shape[cut:], validate_args=False)

    @property
    def mean(self):
        return self.value

    def rsample(self, sample_shape=()):
        return self.value.expand(*sample_shape, *self.value.shape)

    def sample(self, sample_shape=()):
        return self.rsample(sample_shape).detach()

    def log_prob(self, value):
        same = (value == self.value).flatten(-len(self.event_shape)).all(-1)
        return torch.where(same, 0.0, -math.inf)


class Autoregressive(Distribution):
    """One step of an inverse autoregressive flow, z_i = m_i + s_i e_i + w sin e_{i-1}: scores its own samples alone."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self.mean_, self.log_std, self.known = mean, log_std, []
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    def rsample(self, sample_shape=()):
        epsilon = torch.randn(*sample_shape, *self.mean_.shape)
        shift = F.pad(epsilon[..., :-1], (1, 0)).sin()
        z = self.mean_ + self.log_std.exp() * epsilon + 0.8 * shift
        score = (-0.5 * epsilon**2 - 0.5 * math.log(2 * math.pi) - self.log_std).sum(-1)
        self.known.append((z, score))
        return z

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value):
        for z, score in self.known:
            if z is value:
                return score
        raise NotImplementedError("log_prob of the flow's own samples alone")


def autoregressive(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    if ndim != 1:
        raise ValueError("vectors alone")
    return Autoregressive(first, second)


class Levels(Distribution):
    """A categorical law over the 256 levels k/255 for each number; logits (..., *event, 256). Tells no support."""

    arg_constraints = {}
    has_rsample = False

    def __init__(self, logits: Tensor, event_ndim: int) -> None:
        self.logits, self.event_ndim = logits.log_softmax(-1), event_ndim
        shape = logits.shape[:-1]
        cut = len(shape) - event_ndim
        super().__init__(shape[:cut], shape[cut:], validate_args=False)

    @property
    def mean(self):
        return (self.logits.exp() * torch.arange(256) / 255).sum(-1)

    def sample(self, sample_shape=()):
        return Categorical(logits=self.logits).sample(sample_shape) / 255

    def log_prob(self, value):
        level = (value * 255).round().long().unsqueeze(-1)
        front = torch.broadcast_shapes(level.shape[:-1], self.logits.shape[:-1])
        score = self.logits.expand(*front, 256).gather(-1, level.expand(*front, 1)).squeeze(-1)
        return score.flatten(score.ndim - self.event_ndim).sum(-1)


def discretised_logistic(mean: Tensor, log_scale: Tensor, event_ndim: int) -> Levels:
    """Differences of a logistic distribution function between levels, the tails at 0 and 255 (Salimans 2017)."""
    edges = (torch.arange(1, 256) - 0.5) / 255
    z = (edges - 0.5 - 0.2 * mean.unsqueeze(-1)) / (0.1 * (0.3 * log_scale).exp().unsqueeze(-1))
    below, above = F.logsigmoid(z), F.logsigmoid(-z)
    # log(sigmoid(b) - sigmoid(a)) = b-side log-difference; -a + log1mexp form keeps the tails.
    gap = torch.log(-torch.expm1(z[..., :-1] - z[..., 1:]))
    inner = below[..., 1:] + above[..., :-1] + gap
    return Levels(torch.cat([below[..., :1], inner, above[..., -1:]], -1), event_ndim)


class Categorical256(nn.Module):
    """256 logits a number, in front: takes (256, *data_shape)."""

    def __init__(self, data_shape):
        super().__init__()
        self.event_ndim = len(data_shape)

    def takes(self, data_shape):
        return (256, *data_shape)

    def forward(self, features):
        return Levels(features.movedim(-1 - self.event_ndim, -1), self.event_ndim)


class LeanContinuousBernoulli(Distribution):
    """exp(logit x) / C on [0, 1] (Loaiza-Ganem and Cunningham 2019) that tells no support, and checks none."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, logits: Tensor, event_ndim: int) -> None:
        self.logits, self.event_ndim = torch.where(logits.abs() < 1e-3, 1e-3, logits), event_ndim
        cut = logits.ndim - event_ndim
        super().__init__(logits.shape[:cut], logits.shape[cut:], validate_args=False)

    @property
    def mean(self):
        return 1 / (-torch.expm1(-self.logits)) - 1 / self.logits

    def rsample(self, sample_shape=()):
        u = torch.rand(*sample_shape, *self.logits.shape)
        size = self.logits.abs()  # the inverse for a negative logit, mirrored for a positive one
        x = -torch.log1p(u * torch.expm1(-size)) / size
        return torch.where(self.logits > 0, 1 - x, x)

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value):
        # log((e^l - 1) / l), by the side that does not overflow
        size = self.logits.abs()
        constant = torch.log(-torch.expm1(-size)) - size.log() + self.logits.clamp(min=0)
        score = value * self.logits - constant
        return score.flatten(score.ndim - self.event_ndim).sum(-1)


class Ancestral(Distribution):
    """Binary numbers one after the other: p(x_i = 1 | x_{<i}) = sigmoid(l_i + the sum of those before)."""

    arg_constraints = {}
    has_rsample = False

    def __init__(self, logits: Tensor, event_ndim: int) -> None:
        self.logits = logits.flatten(logits.ndim - event_ndim)
        cut = logits.ndim - event_ndim
        super().__init__(logits.shape[:cut], logits.shape[cut:], validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape=()):
        logits = self.logits.expand(*sample_shape, *self.logits.shape)
        total, drawn = torch.zeros(logits.shape[:-1]), []
        for place in range(logits.shape[-1]):
            drawn.append(torch.bernoulli((logits[..., place] + total).sigmoid()))
            total = total + drawn[-1]
        return torch.stack(drawn, -1).reshape(*sample_shape, *self.batch_shape, *self.event_shape)

    def log_prob(self, value):
        flat = value.flatten(value.ndim - len(self.event_shape))
        logits = self.logits + flat.cumsum(-1) - flat
        return (flat * logits - F.softplus(logits)).sum(-1)


class MixturePrior(nn.Module):
    """Three Gaussians far apart, with weights, means and stds of their own."""

    def __init__(self, *, dim: int):
        super().__init__()
        self.event_shape = (dim,)
        self.logits = nn.Parameter(torch.zeros(3))
        self.means = nn.Parameter(5 * torch.randn(3, dim))
        self.log_stds = nn.Parameter(torch.zeros(3, dim))

    def forward(self):
        parts = Independent(Normal(self.means, self.log_stds.exp()), 1)
        return MixtureSameFamily(Categorical(logits=self.logits), parts)


class VampPrior(nn.Module):
    """The mixture of posteriors of learned pseudo-inputs (Tomczak and Welling 2018)."""

    def __init__(self, encoder, posterior, data_shape, latent_shape, *, components: int = 4):
        super().__init__()
        self.encoder, self.posterior = encoder, posterior
        self.event_shape = tuple(latent_shape)
        self.pseudo = nn.Parameter(torch.rand(components, *data_shape))

    def forward(self):
        q = self.posterior(self.encoder(self.pseudo))
        parts = Independent(Normal(q.mean, q.stddev), len(self.event_shape))
        return MixtureSameFamily(Categorical(logits=torch.zeros(len(self.pseudo))), parts)


class Coupled(Distribution):
    """RealNVP in small: the second half scaled and shifted by a net of the first (Dinh 2017)."""

    arg_constraints = {}
    has_rsample = True

    def __init__(self, net: nn.Module, dim: int) -> None:
        self.net, self.half = net, dim // 2
        super().__init__(torch.Size(), torch.Size([dim]), validate_args=False)

    def rsample(self, sample_shape=()):
        base = torch.randn(*sample_shape, *self.event_shape)
        first, second = base.split([self.half, self.event_shape[0] - self.half], -1)
        shift, log_scale = self.net(first).chunk(2, -1)
        return torch.cat([first, second * log_scale.tanh().exp() + shift], -1)

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value):
        first, second = value.split([self.half, self.event_shape[0] - self.half], -1)
        shift, log_scale = self.net(first).chunk(2, -1)
        base = torch.cat([first, (second - shift) * (-log_scale.tanh()).exp()], -1)
        return (-0.5 * base**2 - 0.5 * math.log(2 * math.pi)).sum(-1) - log_scale.tanh().sum(-1)


class FlowPrior(nn.Module):
    """A prior by one coupling; of two dimensions and more."""

    def __init__(self, *, dim: int):
        super().__init__()
        if dim < 2:
            raise ValueError("a coupling needs two halves")
        self.event_shape = (dim,)
        half = dim // 2
        self.net = nn.Sequential(nn.Linear(half, 64), nn.Tanh(), nn.Linear(64, 2 * (dim - half)))

    def forward(self):
        return Coupled(self.net, self.event_shape[0])


class StandardPrior(nn.Module):
    """The standard Gaussian by torch's own classes, over whatever shape the recipe's latent has."""

    def __init__(self, latent_shape):
        super().__init__()
        self.event_shape = tuple(latent_shape)

    def forward(self):
        shape = self.event_shape
        return Independent(Normal(torch.zeros(shape), torch.ones(shape)), len(shape))


def relaxed_categorical(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    if ndim != 1 or first.shape[-1] == 1:
        raise ValueError("a simplex has two corners at least")
    return RelaxedOneHotCategorical(torch.tensor(0.7), logits=first)


def one_hot(family: Any) -> Make:
    def make(first: Tensor, second: Tensor, ndim: int) -> Distribution:
        if ndim != 1:
            raise ValueError("vectors alone")
        return family(logits=first)

    return make


def logit_normal(first: Tensor, second: Tensor, ndim: int) -> Distribution:
    """A flow in one dimension for each number."""
    steps = [AffineTransform(first, second.exp()), SigmoidTransform()]
    return Independent(TransformedDistribution(Normal(torch.zeros_like(first), 1.0), steps), ndim)


POSTERIORS = {
    "laplace": torchs(lambda a, b: Laplace(a, b.exp())),
    "student": torchs(lambda a, b: StudentT(torch.full_like(a, 1.5), a, b.exp())),
    "uniform": torchs(lambda a, b: Uniform(a - b.exp(), a + b.exp())),
    "gamma": torchs(lambda a, b: Gamma((0.5 * a).exp() + 0.5, b.exp())),
    "beta": torchs(lambda a, b: Beta((0.5 * a).exp() + 0.5, (0.5 * b).exp() + 0.5)),
    "exponential": torchs(lambda a, b: Exponential(b.exp())),
    "log-normal": torchs(lambda a, b: LogNormal(a, (0.5 * b).exp())),
    "logit-normal": logit_normal,
    "von-mises": torchs(lambda a, b: VonMises(a, b.exp())),
    "covariant": covariant,
    "circle": on_circle,
    "sphere": on_sphere,
    "relaxed-bernoulli": torchs(lambda a, b: RelaxedBernoulli(torch.tensor(0.7), logits=a)),
    "relaxed-categorical": relaxed_categorical,
    "one-hot": one_hot(OneHotCategorical),
    "straight-through": one_hot(OneHotCategoricalStraightThrough),
    "delta": lambda a, b, ndim: Delta(a, ndim),
    "autoregressive-flow": autoregressive,
}

PRIORS = {
    "mixture": MixturePrior,
    "vamp": VampPrior,
    "flow": FlowPrior,
    "standard": StandardPrior,
}

LIKELIHOODS = {
    "laplace": likelihood(torchs(lambda a, b: Laplace(a, b.exp()))),
    # There is a kink in every step of a difference quotient.
    "sharp-laplace": likelihood(torchs(lambda a, b: Laplace(a, 0.03 * (0.1 * b).exp()))),
    "heteroscedastic": likelihood(torchs(lambda a, b: Normal(a, b.exp()))),
    "continuous-bernoulli": logits_likelihood(lambda a, n: Independent(ContinuousBernoulli(logits=a), n)),
    "lean-continuous-bernoulli": logits_likelihood(LeanContinuousBernoulli),
    "beta": likelihood(torchs(lambda a, b: Beta((0.5 * a).exp() + 0.5, (0.5 * b).exp() + 0.5))),
    "poisson": logits_likelihood(lambda a, n: Independent(Poisson((0.5 * a).exp()), n)),
    "categorical-256": Categorical256,
    "discretised-logistic": likelihood(discretised_logistic),
    "ancestral": logits_likelihood(Ancestral),
}
