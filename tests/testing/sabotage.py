"""Wrong laws, each with one bug, and the check that must speak of it in which words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    Laplace,
    MixtureSameFamily,
    Normal,
    RelaxedBernoulli,
    TransformedDistribution,
    Uniform,
)
from torch.distributions.transforms import SigmoidTransform

from genframe import Bernoulli, DiagonalGaussian

from . import zoo

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class Bug:
    """A component with a bug; `check` fails, and its message holds `says`."""

    kind: str
    name: str
    target: Any
    check: str
    says: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class NoConstant(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) + HALF_LOG_2PI * math.prod(self.event_shape)


class ConstantOfLastDimension(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) + HALF_LOG_2PI * (math.prod(self.event_shape) - self.event_shape[-1])


class NoJacobian(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) + self._sum_event(self.stddev.log())


class WrongJacobianSign(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) + 2 * self._sum_event(self.stddev.log())


class MeanOverEvent(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) / math.prod(self.event_shape)


class Elementwise(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return Normal(self.mean, self.stddev).log_prob(value)


class VarianceForStd(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return self.mean + self.variance * torch.randn(*sample_shape, *self.mean.shape)


class SampleOfHalfTheStd(DiagonalGaussian):
    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.mean + 0.5 * self.stddev * torch.randn(*sample_shape, *self.mean.shape)


class SampleOfLittleMore(DiagonalGaussian):
    """A tenth too wide, in sample alone."""

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self.mean + 1.1 * self.stddev * torch.randn(*sample_shape, *self.mean.shape)


class NoiseSharedByBatch(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return self.mean + self.stddev * torch.randn(*sample_shape, *self.event_shape).unsqueeze(
            len(sample_shape)
        )


class NoiseSharedBySamples(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return self.mean + self.stddev * torch.randn(self.mean.shape).expand(*sample_shape, *self.mean.shape)


class NoiseSharedByEvent(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        epsilon = torch.randn(*sample_shape, *self.batch_shape)
        return self.mean + self.stddev * epsilon.reshape(*epsilon.shape, *[1] * self.event_ndim)


class DetachedMean(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return self.mean.detach() + self.stddev * torch.randn(*sample_shape, *self.mean.shape)


class DetachedStd(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return self.mean + self.stddev.detach() * torch.randn(*sample_shape, *self.mean.shape)


class DetachedRsample(DiagonalGaussian):
    def rsample(self, sample_shape=()):
        return super().rsample(sample_shape).detach()


class SampleWithGradient(DiagonalGaussian):
    def sample(self, sample_shape=()):
        return self.rsample(sample_shape)


class LogProbDetachesStd(DiagonalGaussian):
    def log_prob(self, value: Tensor) -> Tensor:
        return DiagonalGaussian(self.mean, self.stddev.detach(), event_ndim=self.event_ndim).log_prob(value)


class EntropyInBits(DiagonalGaussian):
    def entropy(self) -> Tensor:
        return super().entropy() / math.log(2)


class VarianceIsStd(DiagonalGaussian):
    @property
    def variance(self) -> Tensor:
        return self.stddev


class ModeElsewhere(DiagonalGaussian):
    @property
    def mode(self) -> Tensor:
        return self.mean + self.stddev


class ForgottenHalf(DiagonalGaussian):
    def kl_terms(self, other: DiagonalGaussian) -> Tensor:
        return 2 * super().kl_terms(other)


class KlOfVariance(DiagonalGaussian):
    """Takes the std for the log-variance."""

    def kl_terms(self, other: DiagonalGaussian) -> Tensor:
        return super().kl_terms(other) + 0.5 * self.stddev.log()


class TransposedSamples(DiagonalGaussian):
    """Batch in front of samples."""

    def sample(self, sample_shape=()):
        drawn = super().sample(sample_shape)
        return drawn.transpose(0, 1) if len(sample_shape) == 1 and self.batch_shape else drawn


class Loud(Bernoulli):
    """Probabilities clipped in the sampler, not in log_prob."""

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return torch.bernoulli(self.probs.clamp(0.3, 0.7).expand(*sample_shape, *self.logits.shape))


class BernoulliOfMean(Bernoulli):
    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value) / math.prod(self.event_shape)


class BernoulliOfOnes(Bernoulli):
    """Counts the ones alone."""

    def log_prob(self, value: Tensor) -> Tensor:
        return self._sum_event(value * F.logsigmoid(self.logits))


class BernoulliOfManySamples(Bernoulli):
    """Forgets the normaliser on the quick path: one x against many samples."""

    def log_prob(self, value: Tensor) -> Tensor:
        scores = super().log_prob(value)
        quick = value.ndim < self.logits.ndim
        return scores + self._sum_event(F.softplus(self.logits)) if quick else scores


class MeanOfLogits(Bernoulli):
    @property
    def mean(self) -> Tensor:
        return self.logits


class MeanUpsideDown(Bernoulli):
    @property
    def mean(self) -> Tensor:
        return (-self.logits).sigmoid()


def gaussian(sabotaged: type[DiagonalGaussian]) -> Any:
    return zoo.posterior(lambda mean, log_std, ndim: sabotaged(mean, log_std.exp(), event_ndim=ndim))


def gaussian_likelihood(sabotaged: type[DiagonalGaussian]) -> Any:
    return zoo.likelihood(lambda mean, log_std, ndim: sabotaged(mean, log_std.exp(), event_ndim=ndim))


def gaussian_prior(sabotaged: type[DiagonalGaussian]) -> Any:
    class Prior(nn.Module):
        def __init__(self, *, dim: int):
            super().__init__()
            self.event_shape = (dim,)
            self.location, self.log_std = nn.Parameter(torch.zeros(dim)), nn.Parameter(torch.zeros(dim))

        def forward(self):
            return sabotaged(self.location, self.log_std.exp())

    return Prior


def bernoulli(sabotaged: type[Bernoulli]) -> Any:
    return zoo.logits_likelihood(lambda logits, ndim: sabotaged(logits, event_ndim=ndim))


def elementary(family: Any) -> Any:
    return zoo.posterior(zoo.torchs(family))


class SquaredLaplace(Laplace):
    def log_prob(self, value):
        return super().log_prob(value) + self.scale.log()


class FlatUniform(Uniform):
    def log_prob(self, value):
        return super().log_prob(value) + torch.log(self.high - self.low)


class NoLogDet(TransformedDistribution):
    def log_prob(self, value):
        return self.base_dist.log_prob(self.transforms[0].inv(value))


class WrongTemperature(RelaxedBernoulli):
    def log_prob(self, value):
        return RelaxedBernoulli(torch.tensor(1.0), logits=self.logits).log_prob(value)


class UnweightedMixture(MixtureSameFamily):
    """Draws each component as often as any other, whatever the weights."""

    def sample(self, sample_shape=()):
        flat = Categorical(logits=torch.zeros_like(self.mixture_distribution.logits))
        return MixtureSameFamily(flat, self.component_distribution).sample(sample_shape)


class UnnormalisedMixture(MixtureSameFamily):
    """Sums the components' densities without their weights."""

    def log_prob(self, value):
        parts = self.component_distribution.log_prob(value.unsqueeze(-1 - len(self.event_shape)))
        return parts.logsumexp(-1)


def mixture(family: type[MixtureSameFamily]) -> Any:
    class Prior(nn.Module):
        def __init__(self, *, dim: int):
            super().__init__()
            self.event_shape = (dim,)
            self.logits = nn.Parameter(torch.tensor([0.0, 1.0, 2.0]))
            self.means = nn.Parameter(3 * torch.randn(3, dim))

        def forward(self):
            parts = Independent(Normal(self.means, torch.ones(())), 1)
            return family(Categorical(logits=self.logits), parts)

    return Prior


class WrongCircle(zoo.OnCircle):
    """The normaliser without Bessel's function."""

    def log_prob(self, value):
        return super().log_prob(value) + torch.special.i0e(self.kappa).log()


class WrongSphere(zoo.OnSphere):
    """The circle's normaliser on the sphere."""

    def log_prob(self, value):
        kappa = self.kappa
        inner = kappa * ((value * self.location).sum(-1) - 1)
        return inner - math.log(2 * math.pi) - torch.special.i0e(kappa).log()


class NarrowSphere(zoo.OnSphere):
    """Draws at twice the concentration."""

    def rsample(self, sample_shape=()):
        return zoo.OnSphere(self.location, 2 * self.kappa).rsample(sample_shape)


def on_sphere(law: type[zoo.OnSphere]) -> Any:
    def make(first: Tensor, second: Tensor, ndim: int) -> Distribution:
        right = zoo.on_sphere(first, second, ndim)
        return law(right.location, right.kappa)

    return zoo.posterior(make)


def on_circle(law: type[zoo.OnCircle]) -> Any:
    def make(first: Tensor, second: Tensor, ndim: int) -> Distribution:
        return law(first, zoo.on_circle(first, second, ndim).kappa)

    return zoo.posterior(make)


class LevelsOf256(zoo.Levels):
    """Samples k/256 of the levels k/255."""

    def sample(self, sample_shape=()):
        return (super().sample(sample_shape) * 255 - 1).clamp(min=0) / 255


class OpenTails(zoo.Levels):
    """A discretised logistic whose first and last level do not hold the tails."""

    def log_prob(self, value):
        ends = (value * 255).round()
        ends = ((ends == 0) | (ends == 255)).to(value)
        return super().log_prob(value) - 3 * ends.flatten(ends.ndim - self.event_ndim).sum(-1)


class NoNormaliser(zoo.LeanContinuousBernoulli):
    """The pervasive error in variational autoencoders: the cross-entropy as a density of grey values."""

    def log_prob(self, value):
        score = value * F.logsigmoid(self.logits) + (1 - value) * F.logsigmoid(-self.logits)
        return score.flatten(score.ndim - self.event_ndim).sum(-1)


class WrongLogDet(zoo.Coupled):
    def log_prob(self, value):
        first = value[..., : self.half]
        return super().log_prob(value) + 2 * self.net(first).chunk(2, -1)[1].tanh().sum(-1)


class WrongFlow(zoo.FlowPrior):
    def forward(self):
        return WrongLogDet(self.net, self.event_shape[0])


class FlowWithoutLogDet(zoo.Autoregressive):
    """Scores its own samples alone, without the log-determinant."""

    def rsample(self, sample_shape=()):
        z = super().rsample(sample_shape)
        kept, score = self.known.pop()
        self.known.append((kept, score + self.log_std.sum(-1) - 1.0))
        return z


class Backwards(zoo.Ancestral):
    """Scores the numbers in another order than it draws them."""

    def log_prob(self, value):
        flat = value.flatten(value.ndim - len(self.event_shape))
        logits = self.logits + flat.flip(-1).cumsum(-1).flip(-1) - flat
        return (flat * logits - F.softplus(logits)).sum(-1)


class MixedRows(nn.Module):
    """A posterior that normalises its features over the batch."""

    def __init__(self, in_shape, latent_shape):
        super().__init__()
        self.inner = zoo.posterior(lambda a, b, n: DiagonalGaussian(a, b.exp(), event_ndim=n))(
            in_shape, latent_shape
        )

    def forward(self, features):
        return self.inner(features - features.mean(0, keepdim=True))


class OneBatchDimension(nn.Module):
    """A posterior that flattens all but the first dimension: (samples, batch, ...) makes it fail or lie."""

    def __init__(self, in_shape, latent_shape):
        super().__init__()
        self.inner = zoo.posterior(lambda a, b, n: DiagonalGaussian(a, b.exp(), event_ndim=n))(
            in_shape, latent_shape
        )

    def forward(self, features):
        return self.inner(features if features.ndim == 2 else features[0])


class SquaresOnly(nn.Module):
    """A likelihood that takes (channels, width, height)."""

    def __init__(self, data_shape):
        super().__init__()
        self.event_ndim = len(data_shape)

    def takes(self, data_shape):
        return (*data_shape[:-2], data_shape[-1], data_shape[-2]) if len(data_shape) > 1 else data_shape

    def forward(self, features):
        return Bernoulli(features, event_ndim=self.event_ndim)


class WrongEventShape(nn.Module):
    """A prior over columns that offers rows."""

    def __init__(self, *, dim: int):
        super().__init__()
        self.event_shape = (1, dim)

    def forward(self):
        return DiagonalGaussian(torch.zeros(self.event_shape[1]), torch.ones(self.event_shape[1]))


class LyingStandard(nn.Module):
    """A learned prior that tells the KL that it is the standard Gaussian."""

    def __init__(self, *, dim: int):
        super().__init__()
        self.event_shape = (dim,)
        self.location = nn.Parameter(torch.zeros(dim))

    def forward(self):
        return DiagonalGaussian(self.location, torch.ones_like(self.location), standard=True)


def _unbounded(mean: Tensor, log_std: Tensor, ndim: int) -> Distribution:
    return DiagonalGaussian(mean, (10 * log_std).exp(), event_ndim=ndim)


def _naive_entropy(logits: Tensor, ndim: int) -> Distribution:
    class Naive(Bernoulli):
        def log_prob(self, value: Tensor) -> Tensor:
            p = self.probs
            return self._sum_event(value * p.log() + (1 - value) * (1 - p).log())

    return Naive(logits, event_ndim=ndim)


GAUSSIAN = [
    (NoConstant, "log_prob_is_normalised", "-0.5 log(2 pi)"),
    (ConstantOfLastDimension, "log_prob_of_many_dimensions", "E[r(z) / p(z)] = 1"),
    (NoJacobian, "log_prob_is_normalised", "-log(std)"),
    (WrongJacobianSign, "log_prob_is_normalised", "2 log(std)"),
    (MeanOverEvent, "log_prob_is_normalised", "mean over the event"),
    (Elementwise, "law_shapes", "log_prob must sum over all dimensions"),
    (VarianceForStd, "samples_follow_log_prob", "std or variance"),
    (SampleOfHalfTheStd, "rsample_has_the_law_of_sample", "the same law"),
    (SampleOfLittleMore, "samples_follow_log_prob", "of the samples lie below"),
    (NoiseSharedByBatch, "draws_are_independent", "two rows of the batch"),
    (NoiseSharedBySamples, "samples_follow_log_prob", "all of them are equal"),
    (NoiseSharedByEvent, "log_prob_of_many_dimensions", "projection"),
    (DetachedMean, "rsample_carries_the_gradient", "detached"),
    (DetachedStd, "rsample_carries_the_gradient", "detached"),
    (DetachedRsample, "rsample_carries_the_gradient", "without gradient"),
    (SampleWithGradient, "draws_are_independent", "carries no gradient"),
    (LogProbDetachesStd, "log_prob_has_the_gradient_of_its_value", "difference quotient"),
    (EntropyInBits, "moments_are_those_of_samples", "bits for nats"),
    (VarianceIsStd, "moments_are_those_of_samples", "variance"),
    (ModeElsewhere, "moments_are_those_of_samples", "highest at its mode"),
    (ForgottenHalf, "kl_agrees_with_monte_carlo", "by Monte Carlo"),
    (KlOfVariance, "kl_agrees_with_monte_carlo", "by Monte Carlo"),
    (TransposedSamples, "law_shapes", "samples, batch and event"),
]

BERNOULLI = [
    (Loud, "samples_follow_log_prob", "frequencies"),
    (BernoulliOfMean, "log_prob_is_normalised", "sums to 1"),
    (BernoulliOfOnes, "log_prob_is_normalised", "sums to 1"),
    (BernoulliOfManySamples, "law_shapes", "(samples, batch, ...)"),
    (MeanOfLogits, "mean_is_in_the_range_of_the_data", "logits for probabilities"),
    (MeanUpsideDown, "training_moves_the_mean_to_the_data", "nearer to x"),
]

BUGS = [
    *(Bug("posterior", law.__name__, gaussian(law), *told) for law, *told in GAUSSIAN),
    *(
        Bug("prior", law.__name__, gaussian_prior(law), *told)
        for law, *told in GAUSSIAN
        if law not in (NoiseSharedByBatch, TransposedSamples, ConstantOfLastDimension)
    ),
    *(
        Bug("likelihood", law.__name__, gaussian_likelihood(law), *told)
        for law, *told in GAUSSIAN
        if told[0] != "kl_agrees_with_monte_carlo"
    ),
    *(Bug("likelihood", law.__name__, bernoulli(law), *told) for law, *told in BERNOULLI),
    Bug(
        "posterior",
        "laplace",
        elementary(lambda a, b: SquaredLaplace(a, b.exp())),
        "log_prob_is_normalised",
        "-log(std)",
    ),
    Bug(
        "posterior",
        "uniform",
        elementary(lambda a, b: FlatUniform(a, a + b.exp())),
        "log_prob_is_normalised",
        "integrates to 1",
    ),
    Bug(
        "posterior",
        "no log-determinant",
        elementary(lambda a, b: NoLogDet(Normal(a, b.exp()), [SigmoidTransform()])),
        "log_prob_is_normalised",
        "integrates to 1",
    ),
    Bug(
        "posterior",
        "temperature",
        elementary(lambda a, b: WrongTemperature(torch.tensor(0.5), logits=a)),
        "samples_follow_log_prob",
        "of the samples lie below",
    ),
    Bug("posterior", "circle", on_circle(WrongCircle), "log_prob_is_normalised", "integrates"),
    Bug("posterior", "sphere", on_sphere(WrongSphere), "log_prob_is_normalised", "integrates"),
    Bug(
        "posterior",
        "narrow sphere",
        on_sphere(NarrowSphere),
        "log_prob_of_many_dimensions",
        "projection",
    ),
    Bug(
        "posterior",
        "own samples",
        zoo.posterior(lambda a, b, n: FlowWithoutLogDet(a, b)),
        "log_prob_of_many_dimensions",
        "E[r(z) / p(z)] = 1",
    ),
    Bug("posterior", "mixed rows", MixedRows, "rows_have_laws_of_their_own", "mixes the rows"),
    Bug(
        "posterior",
        "one batch dimension",
        OneBatchDimension,
        "law_shapes",
        "any number of dimensions in front",
    ),
    Bug(
        "posterior",
        "unbounded scale",
        zoo.posterior(_unbounded),
        "extreme_features_have_finite_gradients",
        "finite",
    ),
    Bug(
        "prior",
        "unweighted mixture",
        mixture(UnweightedMixture),
        "samples_follow_log_prob",
        "of the samples lie below",
    ),
    Bug(
        "prior", "unnormalised mixture", mixture(UnnormalisedMixture), "log_prob_is_normalised", "integrates"
    ),
    Bug("prior", "flow", WrongFlow, "log_prob_is_normalised", "integrates"),
    Bug("prior", "event shape", WrongEventShape, "law_shapes", "event_shape"),
    Bug("prior", "lying standard", LyingStandard, "kl_agrees_with_monte_carlo", "standard"),
    Bug(
        "likelihood",
        "levels",
        zoo.logits_likelihood(lambda a, n: _levels(LevelsOf256, a, n)),
        "samples_follow_log_prob",
        "frequencies",
    ),
    Bug(
        "likelihood",
        "open tails",
        zoo.logits_likelihood(lambda a, n: _levels(OpenTails, a, n)),
        "log_prob_is_normalised",
        "sums to 1",
    ),
    Bug(
        "likelihood",
        "cross-entropy of grey",
        zoo.logits_likelihood(NoNormaliser),
        "log_prob_is_normalised",
        "integrates to 1",
    ),
    Bug(
        "likelihood", "backwards", zoo.logits_likelihood(Backwards), "samples_follow_log_prob", "frequencies"
    ),
    Bug("likelihood", "squares only", SquaresOnly, "takes_says_what_forward_accepts", "must agree"),
    Bug(
        "likelihood",
        "naive logarithms",
        zoo.logits_likelihood(_naive_entropy),
        "extreme_features_have_finite_gradients",
        "log-sigmoid",
    ),
]


def _levels(family: type[zoo.Levels], mean: Tensor, ndim: int) -> zoo.Levels:
    logits = zoo.discretised_logistic(5 * mean, torch.zeros_like(mean), ndim).logits
    return family(logits, ndim)
