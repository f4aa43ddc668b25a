"""Losses of the literature, written as a plugin's author would: the kit must pass every one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from genframe import DiagonalGaussian, Levels, Schedulable, Terms, Verdict

Critic = Callable[[Tensor], Verdict]


def _log_weights(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Tensor:
    """(samples, batch); without sample dimensions one sample."""
    weights = p_x.log_prob(x) + p_z.log_prob(z) - q_z.log_prob(z)
    return weights.reshape(-1, weights.shape[-1])


def iwae(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """Burda et al. 2016, eq. 8."""
    weights = _log_weights(x, q_z, z, p_z, p_x)
    bound = weights.logsumexp(0) - math.log(len(weights))
    return Terms(-bound, {"bound": bound})


def dreg(x: Tensor, q_z: DiagonalGaussian, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """The doubly reparametrised gradient (Tucker et al. 2019, eq. 8) by detached weights."""
    stopped = DiagonalGaussian(q_z.mean.detach(), q_z.stddev.detach())
    weights = _log_weights(x, stopped, z, p_z, p_x)
    normalised = weights.softmax(0).detach()
    bound = weights.logsumexp(0) - math.log(len(weights))
    return Terms(-(normalised.square() * weights).sum(0), {"bound": bound.detach()}, surrogate=True)


def vimco(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Terms:
    """A score function with the mean of the others as its baseline (after Mnih & Rezende 2016)."""
    weights = _log_weights(x, q_z, z.detach(), p_z, p_x)
    bound = weights.logsumexp(0) - math.log(len(weights))
    learnt = (weights - weights.mean(0)).detach() * q_z.log_prob(z.detach()).reshape(weights.shape)
    return Terms(-(bound + learnt.sum(0)), {"bound": bound.detach()}, surrogate=True)


class NVIL:
    """A score function with a running mean as its baseline (Mnih & Gregor 2014)."""

    def __init__(self, *, decay: float = 0.9) -> None:
        self.decay, self.baseline = decay, 0.0

    def __call__(
        self, x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution
    ) -> Terms:
        weights = _log_weights(x, q_z, z.detach(), p_z, p_x).mean(0)
        self.baseline = self.decay * self.baseline + (1 - self.decay) * float(weights.detach().mean())
        score = q_z.log_prob(z.detach()).reshape(-1, len(x)).mean(0)
        total = -(weights + (weights.detach() - self.baseline) * score)
        return Terms(total, {"bound": weights.detach()}, surrogate=True)


def sticking_the_landing(
    x: Tensor, q_z: DiagonalGaussian, z: Tensor, p_z: Distribution, p_x: Distribution
) -> Terms:
    """Roeder et al. 2017: q's parameters are held fixed in log q."""
    stopped = DiagonalGaussian(q_z.mean.detach(), q_z.stddev.detach())
    return Terms(-_log_weights(x, stopped, z, p_z, p_x).mean(0), surrogate=True)


def capacity(
    x: Tensor,
    q_z: Distribution,
    z: Tensor,
    p_z: Distribution,
    p_x: Distribution,
    *,
    nats: Schedulable = 25.0,
    gamma: Schedulable = 100.0,
) -> Tensor:
    """Burgess et al. 2018, eq. 8: the rate is drawn to a capacity."""
    distortion = -p_x.log_prob(x)
    distortion = distortion.reshape(-1, len(x)).mean(0)
    return distortion + gamma * (kl_divergence(q_z, p_z) - nats).abs()


def mmd(z: Tensor, p_z: Distribution) -> Tensor:
    """The unbiased estimate of the squared maximum mean discrepancy (Tolstikhin et al. 2018)."""
    z = z.reshape(-1, z.shape[-1])
    other = p_z.sample([len(z)])
    near, far = _kernel(z, z), _kernel(other, other)
    count = len(z)
    within = (near.sum() - near.diagonal().sum() + far.sum() - far.diagonal().sum()) / (count * (count - 1))
    return within - 2 * _kernel(z, other).mean()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return 1 / (1 + (a.unsqueeze(1) - b).square().sum(-1) / a.shape[-1])


def total_correlation(
    q_z: DiagonalGaussian, z: Tensor, p_z: Distribution, *, beta: Schedulable = 6.0
) -> Terms:
    """The decomposed rate by minibatch weights (Chen et al. 2018): one sample an example."""
    if z.ndim != 2:
        raise ValueError(f"total_correlation takes one sample an example, (batch, d), not {tuple(z.shape)}")
    pairs = torch.distributions.Normal(q_z.mean, q_z.stddev).log_prob(z.unsqueeze(1))  # (batch, batch, d)
    joint = pairs.sum(-1).logsumexp(1) - math.log(len(z))
    product = (pairs.logsumexp(1) - math.log(len(z))).sum(-1)
    information = q_z.log_prob(z) - joint
    total = information + beta * (joint - product) + (product - p_z.log_prob(z))
    return Terms(total, {"total_correlation": joint - product})


def gradient_penalty(x: Tensor, fake: Tensor, discriminator: Critic, *, weight: Schedulable = 10.0) -> Tensor:
    """Gulrajani et al. 2017, eq. 3, between real and fake."""
    epsilon = torch.rand(len(x), *[1] * (x.ndim - 1))
    between = torch.lerp(x, fake.detach(), epsilon).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(discriminator(between).score.sum(), between, create_graph=True)
    return weight * (gradient.flatten(1).norm(dim=1) - 1).square()


def r2(fake: Tensor, discriminator: Critic, *, gamma: Schedulable = 1.0) -> Tensor:
    """Mescheder et al. 2018, eq. 10: at fakes."""
    fake = fake.detach().requires_grad_()
    with torch.enable_grad():
        score = discriminator(fake).score
        (gradient,) = torch.autograd.grad(score.sum(), fake, create_graph=True)
    return gamma / 2 * gradient.flatten(1).square().sum(1)


def wasserstein_of(x: Tensor, fake: Tensor, discriminator: Critic) -> Tensor:
    """The critic's loss of Arjovsky et al. 2017, with the critic as an argument."""
    return discriminator(fake).score.mean() - discriminator(x).score.mean()


def consistency(x: Tensor, discriminator: Critic, noise: Callable[[Tensor], tuple[Tensor, Levels]]) -> Tensor:
    """Zhang et al. 2020: the critic says the same of data that were noised."""
    moved, _ = noise(x)
    return 10 * (discriminator(x).score - discriminator(moved).score).square()


class Wasserstein:
    """Arjovsky et al. 2017."""

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        return fake_verdict.score.mean() - real_verdict.score.mean()

    def generator(self, fake_verdict: Verdict) -> Tensor:
        return -fake_verdict.score.mean()


class LeastSquares:
    """Mao et al. 2017, with targets 0 and 1."""

    def critic(self, real: Verdict, fake: Verdict) -> Tensor:
        return (real.score - 1).square().mean() + fake.score.square().mean()

    def generator(self, fake: Verdict) -> Tensor:
        return (fake.score - 1).square().mean()


class Relativistic:
    """The relativistic average loss (Jolicoeur-Martineau 2018, eq. 8)."""

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        return self._loss(real_verdict.score, fake_verdict.score)

    def generator(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        return self._loss(fake_verdict.score, real_verdict.score.detach())

    def _loss(self, above: Tensor, below: Tensor) -> Tensor:
        return (F.softplus(below.mean() - above) + F.softplus(below - above.mean())).mean()


def paired(real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
    """A critic of pairs (Huang et al. 2024), (batch,)."""
    return F.softplus(fake_verdict.score - real_verdict.score)


def drift(real_verdict: Verdict, *, weight: Schedulable = 0.001) -> Tensor:
    """Karras et al. 2018, appendix A.1: scores stay near zero."""
    return weight * real_verdict.score.square()


def feature_matching(real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
    """Salimans et al. 2016, section 3.1."""
    real, fake = real_verdict.features, fake_verdict.features
    assert real is not None and fake is not None
    return (real.detach().mean(0) - fake.mean(0)).square().sum()


class Hinge(nn.Module):
    """With a margin that a schedule may move."""

    def __init__(self, *, margin: Schedulable = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Terms:
        total = (
            F.relu(self.margin - real_verdict.score).mean() + F.relu(self.margin + fake_verdict.score).mean()
        )
        return Terms(total, {"real": real_verdict.score.detach().mean()})

    def generator(self, fake_verdict: Verdict) -> Tensor:
        return -fake_verdict.score.mean()

    def scores(self, fake_verdict: Verdict) -> tuple[Tensor, Tensor]:
        """Not a loss: for wires."""
        return fake_verdict.score.mean(), fake_verdict.score.std()


class LeCam:
    """Tseng et al. 2021: scores stay near running means of the other side's."""

    def __init__(self, *, decay: float = 0.9) -> None:
        self.decay, self.real, self.fake = decay, 0.0, 0.0

    def __call__(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        self.real += (1 - self.decay) * (float(real_verdict.score.detach().mean()) - self.real)
        self.fake += (1 - self.decay) * (float(fake_verdict.score.detach().mean()) - self.fake)
        below = F.relu(real_verdict.score - self.fake).square()
        return below + F.relu(self.real - fake_verdict.score).square()


def information(code: Tensor, q_code: Distribution) -> Tensor:
    """Chen et al. 2016, eq. 5: minus the bound on the mutual information of code and picture."""
    return -q_code.log_prob(code)


def label(y: Tensor, p_y: Distribution) -> Tensor:
    """Odena et al. 2017: the class's cross-entropy."""
    return -p_y.log_prob(y)


def commitment(encoded: Tensor, quantised: Tensor, *, beta: Schedulable = 0.25) -> Tensor:
    """Van den Oord et al. 2017, eq. 3: both sides, one held fixed in each."""
    codebook = (encoded.detach() - quantised).square()
    return (codebook + beta * (encoded - quantised.detach()).square()).flatten(1).mean(1)


def contractive(x: Tensor, encoder: Callable[[Tensor], Tensor], *, weight: Schedulable = 0.1) -> Tensor:
    """Rifai et al. 2011, eq. 7, by one random projection."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        features = encoder(x)
        (gradient,) = torch.autograd.grad(features, x, torch.randn_like(features), create_graph=True)
    return weight * gradient.flatten(1).square().sum(1)


def score_matching(x: Tensor, x_noised: Tensor, x_level: Levels, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Vincent 2011, eq. 9: the noise that was added, weighted by its level."""
    level = x_level.level.reshape(-1, *[1] * (x.ndim - 1))
    return (level * score(x_noised) + (x_noised - x) / level.clamp(min=0.01)).flatten(1).square().mean(1)


def sliced_score_matching(x: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Song et al. 2019, eq. 8: one projection, whose Jacobian product needs a gradient."""
    x = x.detach().requires_grad_()
    direction = torch.randn_like(x)
    with torch.enable_grad():
        value = score(x)
        (product,) = torch.autograd.grad((value * direction).sum(), x, create_graph=True)
    return (product * direction + 0.5 * value.square()).flatten(1).sum(1)


def contrast(a: Tensor, b: Tensor) -> Tensor:
    """InfoNCE (van den Oord et al. 2018, eq. 4), normalised."""
    a, b = F.normalize(a.flatten(1), dim=1), F.normalize(b.flatten(1), dim=1)
    return F.cross_entropy(10 * a @ b.T, torch.arange(len(a)))


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Unnormalised, without bound."""
    return -(a * b).flatten(1).mean(1)


def diversity(a: Tensor, b: Tensor) -> Tensor:
    """Equal pictures cost most: bounded below."""
    return (-(a - b).abs().flatten(1).mean(1)).exp()


def cross_entropy(restored: Tensor, x: Tensor) -> Tensor:
    """Of pictures in [0, 1]; refuses others."""
    return F.mse_loss(restored, x) if x.ndim == 2 else F.binary_cross_entropy(restored.clamp(0, 1), x)


def scores_apart(real: Tensor, fake: Tensor) -> Tensor:
    """A Wasserstein critic of score tensors."""
    return fake.mean() - real.mean()


def hard_distance(a: Tensor, b: Tensor) -> Tensor:
    """The largest difference of the batch."""
    return (a - b).abs().amax()


class Centres(nn.Module):
    """Labels have centres of their own, which are learned (Wen et al. 2016)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.centres = nn.Embedding(classes, 5)

    def forward(self, y: Tensor, condition: Tensor) -> Tensor:
        return (self.centres(y) - condition).square().sum(1)


GOOD = [
    value
    for name, value in list(globals().items())
    if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == __name__
]
