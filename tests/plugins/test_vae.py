"""The evidence lower bound and the parts around it, against closed forms and brute force."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.metrics.likelihood import log_likelihood
from genframe_plugins.vae.functions.bounds import importance_weights, rate_distortion
from genframe_plugins.vae.likelihoods.bernoulli import BernoulliLikelihood
from genframe_plugins.vae.likelihoods.categorical import CategoricalLikelihood
from genframe_plugins.vae.likelihoods.gaussian import GaussianLikelihood
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.posteriors.gaussian import LOG_STD, GaussianPosterior
from genframe_plugins.vae.priors.gaussian import GaussianPrior
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from genframe import Bernoulli, DiagonalGaussian


class LinearGaussian:
    """z ~ N(0, I), x = W z + b + sigma epsilon: its evidence and its posterior are known."""

    def __init__(self, latent: int = 2, values: int = 3, sigma: float = 0.6) -> None:
        generator = torch.Generator().manual_seed(1)
        self.w = torch.randn(values, latent, generator=generator, dtype=torch.float64)
        self.b = torch.randn(values, generator=generator, dtype=torch.float64)
        self.sigma = torch.tensor(sigma, dtype=torch.float64)
        self.x = torch.randn(5, values, generator=generator, dtype=torch.float64)
        self.p_z = DiagonalGaussian(torch.zeros(latent).double(), torch.ones(latent).double())
        # p(z|x) = N(S W^T (x - b) / sigma^2, S), S = (I + W^T W / sigma^2)^-1
        self.covariance = torch.linalg.inv(torch.eye(latent).double() + self.w.T @ self.w / sigma**2)
        self.mean = (self.x - self.b) @ self.w @ self.covariance / sigma**2
        marginal = self.w @ self.w.T + sigma**2 * torch.eye(values).double()
        self.evidence = MultivariateNormal(self.b, marginal).log_prob(self.x)

    def observe(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(z @ self.w.T + self.b, self.sigma)

    def posterior(self) -> DiagonalGaussian:
        """The best diagonal posterior: with the precisions of the true one (Bishop 2006, section 10.1.2)."""
        return DiagonalGaussian(self.mean, self.covariance.inverse().diagonal().rsqrt().expand_as(self.mean))


def test_the_bound_of_a_linear_gaussian_model_is_its_evidence_less_the_posteriors_divergence() -> None:
    model = LinearGaussian()
    q_z = model.posterior()
    torch.manual_seed(0)
    z = q_z.rsample([200_000])
    terms = elbo(model.x, q_z, z, model.p_z, model.observe(z))
    gap = kl_divergence(
        MultivariateNormal(q_z.mean, torch.diag_embed(q_z.variance)),
        MultivariateNormal(model.mean, model.covariance),
    )
    assert gap.min() > 0.01  # else the test would not tell the bound from the evidence
    torch.testing.assert_close(-terms.total, model.evidence - gap, atol=0.02, rtol=0)


def test_the_bound_with_the_true_posterior_is_the_evidence_for_every_sample() -> None:
    model = LinearGaussian(latent=1)  # of one latent, so that the true posterior is diagonal
    q_z = model.posterior()
    z = q_z.rsample([7])
    weights = importance_weights(model.x, q_z, model.p_z, model.observe, 7)
    torch.testing.assert_close(weights, model.evidence.expand(7, 5))
    independent = Independent(Normal(q_z.mean, q_z.stddev), 1)  # a pair without a KL: sampled
    terms = elbo(model.x, independent, z, model.p_z, model.observe(z))
    assert set(terms.logged) == {"rate_sampled", "distortion"}
    torch.testing.assert_close(-terms.total, model.evidence)


class _Batches:
    """What a metric is handed as data."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, batch_size: int) -> list[dict[str, Tensor]]:
        return [{"x": part} for part in self.x.split(batch_size)]

    def first(self, n: int) -> dict[str, Tensor]:
        return {"x": self.x[:n]}


def test_importance_sampling_reaches_the_evidence_and_rises_with_k() -> None:
    model = LinearGaussian()

    def log_weights(batch: dict[str, Tensor], k: int) -> Tensor:
        x = batch["x"]
        keep = (model.x.unsqueeze(1) == x).all(2).any(1)
        q_z = model.posterior()
        q_z = DiagonalGaussian(q_z.mean[keep], 1.3 * q_z.stddev[keep])
        return importance_weights(x, q_z, model.p_z, model.observe, k)

    torch.manual_seed(0)
    evidence, data = float(model.evidence.mean()), _Batches(model.x)
    many = log_likelihood(log_weights, data, k=100_000, rows=30_000)
    assert many["log_likelihood"] == pytest.approx(evidence, abs=0.02)
    bounds = [
        torch.tensor([log_likelihood(log_weights, data, k=k)["log_likelihood"] for _ in range(200)])
        for k in (1, 10)
    ]
    assert bounds[0].mean() < bounds[1].mean() - 0.05 < evidence  # the gaps are 0.4 and 0.03 nats


def _binary_terms(beta: float = 1.0, free_bits: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """Total, KL of each dimension (batch, latent) and -log p(x|z) (batch,) of one draw of 4 digits."""
    torch.manual_seed(0)
    x = (torch.rand(4, 1, 28, 28) > 0.5).float()
    q_z = DiagonalGaussian(
        torch.randn(4, 3) * torch.tensor([2.0, 0.1, 0.01]), torch.tensor([0.5, 0.95, 1.0]).expand(4, 3)
    )
    p_z, p_x = GaussianPrior(dim=3)(), Bernoulli(torch.randn(4, 1, 28, 28), event_ndim=3)
    terms = elbo(x, q_z, q_z.rsample(), p_z, p_x, beta=beta, free_bits=free_bits)
    kl = 0.5 * (q_z.mean**2 + q_z.variance - 1 - q_z.variance.log())
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits(p_x.logits, x, reduction="none")
    return terms.total, kl, cross_entropy.sum((1, 2, 3))


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_bound_sums_over_pixels_and_latents_and_keeps_the_batch(beta: float) -> None:
    total, kl, distortion = _binary_terms(beta)
    torch.testing.assert_close(total, distortion + beta * kl.sum(1))
    assert distortion.min() > 400  # a mean over 784 pixels would be near 1


def test_free_bits_raise_the_batch_mean_of_each_dimension() -> None:
    total, kl, distortion = _binary_terms(free_bits=0.1)
    mean = kl.mean(0)
    assert (mean > 0.1).tolist() == [True, False, False]
    torch.testing.assert_close(total.mean(), distortion.mean() + mean[0] + 0.2)
    scaled, _, _ = _binary_terms(beta=2.0, free_bits=0.1)
    torch.testing.assert_close(scaled.mean(), distortion.mean() + 2 * (mean[0] + 0.2))


def test_free_bits_are_refused_where_a_dimension_has_no_kl() -> None:
    q_z = Independent(Normal(torch.zeros(4, 3), 1.0), 1)
    p_x = Bernoulli(torch.zeros(4, 784))
    with pytest.raises(ValueError, match="only diagonal Gaussians"):
        elbo(torch.ones(4, 784), q_z, q_z.sample(), GaussianPrior(dim=3)(), p_x, free_bits=0.5)


def test_several_samples_are_averaged() -> None:
    x, logits = torch.rand(4, 6), torch.randn(5, 4, 6)
    q_z, p_z = DiagonalGaussian(torch.randn(4, 3), torch.ones(4, 3)), GaussianPrior(dim=3)()
    z = q_z.rsample([5])
    together = elbo(x, q_z, z, p_z, Bernoulli(logits)).total
    alone = [elbo(x, q_z, z[m], p_z, Bernoulli(logits[m])).total for m in range(5)]
    torch.testing.assert_close(together, torch.stack(alone).mean(0))


def test_rate_and_distortion_are_the_bound() -> None:
    model = LinearGaussian()
    q_z = model.posterior()
    torch.manual_seed(0)
    rate, distortion = rate_distortion(model.x, q_z, model.p_z, model.observe)
    torch.manual_seed(0)
    z = q_z.sample()
    torch.testing.assert_close(rate + distortion, elbo(model.x, q_z, z, model.p_z, model.observe(z)).total)


def test_a_posterior_is_clamped_and_takes_vectors_maps_and_samples() -> None:
    for in_shape in [(6,), (2, 3, 4)]:
        posterior = GaussianPosterior(in_shape, (5,))
        q_z = posterior(torch.randn(7, 3, *in_shape))
        assert (q_z.batch_shape, q_z.event_shape) == ((7, 3), (5,))
        wild = posterior(torch.randn(3, *in_shape) * 1e6)
        assert wild.stddev.min() >= math.exp(LOG_STD[0]) * 0.999
        assert wild.stddev.max() <= math.exp(LOG_STD[1]) * 1.001
        assert kl_divergence(wild, DiagonalGaussian(torch.zeros(5), torch.ones(5))).isfinite().all()


def test_a_prior_is_standard_until_it_learns() -> None:
    fixed, learned = GaussianPrior(dim=4), GaussianPrior(dim=4, learned=True)
    assert fixed.event_shape == learned.event_shape == (4,)
    assert not list(fixed.parameters())
    z = torch.randn(10, 4)
    torch.testing.assert_close(fixed().log_prob(z), learned().log_prob(z))
    learned().log_prob(z).sum().backward()
    assert all(p.grad is not None for p in learned.parameters())
    assert fixed().sample([6]).shape == (6, 4)


@pytest.mark.parametrize("learned", [False, True])
def test_a_gaussian_likelihood_weighs_the_squared_error_by_its_sigma(learned: bool) -> None:
    likelihood = GaussianLikelihood((1, 2, 3), sigma=0.1, learned=learned)
    means, x = torch.rand(2, 4, 1, 2, 3), torch.rand(4, 1, 2, 3)
    expected = -((x - means) ** 2).sum((2, 3, 4)) / (2 * 0.1**2) - 6 * math.log(0.1 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(likelihood(means).log_prob(x), expected)
    assert len(list(likelihood.parameters())) == learned
    assert likelihood.takes((1, 2, 3)) == (1, 2, 3)


def test_a_learned_sigma_finds_the_root_mean_squared_error() -> None:
    """d/d sigma of -log p is zero at the root mean squared error (numbers: one scalar for all values)."""
    torch.manual_seed(0)
    x, means = torch.randn(50, 8), torch.zeros(50, 8)
    best = float((x - means).square().mean().sqrt())
    likelihood = GaussianLikelihood((8,), sigma=best, learned=True)
    likelihood(means).log_prob(x).sum().backward()
    assert float(likelihood.log_sigma.grad.abs()) < 1e-3


def test_a_bernoulli_likelihood_draws_the_picture_as_its_mean() -> None:
    likelihood = BernoulliLikelihood((1, 2, 3))
    logits = torch.randn(4, 1, 2, 3)
    torch.testing.assert_close(likelihood(logits).mean, logits.sigmoid())
    assert likelihood(logits).event_shape == (1, 2, 3) == likelihood.takes((1, 2, 3))


def test_the_likelihood_of_labels_is_a_softmax_with_the_cross_entropy_as_its_nll() -> None:
    part = CategoricalLikelihood(4)
    logits, y = torch.randn(3, 5, 4).double(), torch.randint(4, (5,))  # (samples, batch, classes)
    assert part.takes((1, 28, 28)) == (4,)
    by_hand = logits.softmax(-1).log().gather(-1, y.expand(3, 5).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(part(logits).log_prob(y), by_hand, check_dtype=False, atol=1e-5, rtol=0)
    assert part(logits.bfloat16()).probs.dtype == torch.float32
