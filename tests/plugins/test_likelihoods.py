"""Likelihoods against closed forms, scipy, quadrature, and sums to one; and what public code gets wrong about them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from genframe_plugins.data.table import Table
from genframe_plugins.vae.likelihoods.columns import ColumnsLikelihood
from genframe_plugins.vae.likelihoods.continuous_bernoulli import ContinuousBernoulli
from genframe_plugins.vae.likelihoods.gaussian import GaussianLikelihood
from genframe_plugins.vae.likelihoods.gaussian_per_value import GaussianPerValueLikelihood
from genframe_plugins.vae.likelihoods.laplace import LaplaceLikelihood
from genframe_plugins.vae.likelihoods.levels import CategoricalLevelsLikelihood
from genframe_plugins.vae.likelihoods.logistic import DiscretisedLogistic, DiscretisedLogisticLikelihood
from genframe_plugins.vae.likelihoods.logistic_mixture import LogisticMixtureLikelihood
from scipy import integrate, stats
from torch import Tensor
from torch import distributions as td

GRID = torch.arange(256) / 255
LOGITS = [-60.0, -8.0, -1.0, -0.51, -0.49, -1e-3, 0.0, 1e-6, 0.02, 0.7, 3.0, 25.0]


def law_of(logits: list[float]) -> ContinuousBernoulli:
    return ContinuousBernoulli(torch.tensor(logits).unsqueeze(-1), event_ndim=1)


@pytest.mark.parametrize("logit", LOGITS)
def test_the_continuous_bernoulli_integrates_to_one_and_has_the_mean_variance_and_entropy_it_says(
    logit: float,
) -> None:
    law = law_of([logit])
    nodes = torch.linspace(0, 1, 40_001, dtype=torch.float64)

    def density(x: Tensor) -> Tensor:
        return law.log_prob(x.unsqueeze(-1)).exp().double()

    def integral(values: Tensor) -> float:
        return float(integrate.simpson(values.numpy(), x=nodes.numpy()))

    p = density(nodes)
    mean = integral(nodes * p)
    assert integral(p) == pytest.approx(1, abs=2e-5)
    assert float(law.mean) == pytest.approx(mean, abs=2e-6)
    assert float(law.variance) == pytest.approx(integral((nodes - mean) ** 2 * p), rel=1e-3)
    assert float(law.entropy()) == pytest.approx(-integral(p * p.log()), abs=2e-5)
    assert float(law.cdf(torch.tensor([[0.3]]))) == pytest.approx(
        integrate.quad(lambda x: float(density(torch.tensor([x]))), 0, 0.3, points=[0.01], epsabs=1e-6)[0],
        abs=2e-5,
    )


def test_the_continuous_bernoulli_is_torchs_where_torchs_is_exact() -> None:
    logits = torch.tensor([-4.0, -0.6, 0.9, 6.0], dtype=torch.float64)
    theirs = td.ContinuousBernoulli(logits=logits)
    x = torch.rand(7, 4, dtype=torch.float64)
    ours = ContinuousBernoulli(logits.unsqueeze(-1), event_ndim=1)
    torch.testing.assert_close(ours.log_prob(x.unsqueeze(-1)), theirs.log_prob(x))
    torch.testing.assert_close(ours.mean.squeeze(-1), theirs.mean)


def test_the_normaliser_is_smooth_at_a_half_where_the_papers_is_zero_by_zero() -> None:
    """Value, first and second derivative across logit 0 and across the seam of the series, in float32."""
    for centre in (0.0, 0.5, -0.5):
        logits = (centre + torch.linspace(-1e-3, 1e-3, 41)).requires_grad_()
        value = ContinuousBernoulli(logits.unsqueeze(-1), event_ndim=1).log_prob(torch.full((41, 1), 0.3))
        (slope,) = torch.autograd.grad(value.sum(), logits, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), logits)
        exact = torch.tensor([_log_density(a, 0.3) for a in logits.tolist()])
        torch.testing.assert_close(value.detach(), exact, atol=3e-7, rtol=0)
        torch.testing.assert_close(
            slope.detach(), 0.3 - law_of(logits.tolist()).mean.squeeze(-1), atol=2e-6, rtol=0
        )
        torch.testing.assert_close(bend, torch.full_like(bend, float(bend.mean())), atol=2e-4, rtol=0)


def _log_density(a: float, x: float) -> float:
    if abs(a) < 1e-8:
        return 0.0
    wide = np.longdouble(a)
    return float(np.log(wide / np.expm1(wide)) + wide * x)


def test_continuous_bernoulli_draws_follow_its_cdf_and_carry_the_gradient_of_the_mean() -> None:
    """Kolmogorov-Smirnov at 1e-4 for each of 6 logits: a false alarm in 1,700 seeds."""
    torch.manual_seed(0)
    logits = torch.tensor([-30.0, -2.0, -1e-4, 0.0, 0.4, 9.0], requires_grad=True)
    law = ContinuousBernoulli(logits.unsqueeze(-1), event_ndim=1)
    drawn = law.rsample([20_000])
    for row in range(6):
        uniform = law.cdf(drawn)[:, row, 0].detach().numpy()
        assert stats.kstest(uniform, "uniform").pvalue > 1e-4
    (slope,) = torch.autograd.grad(drawn.mean(0).sum(), logits)
    torch.testing.assert_close(slope, law.variance.detach().squeeze(-1), rtol=0.05, atol=1e-4)


def test_a_cross_entropy_of_grey_values_is_no_likelihood_and_the_continuous_bernoulli_is() -> None:
    """What is missing is the normaliser, which depends on the logit: up to log 2 a value at grey, more elsewhere."""
    x = torch.linspace(0, 1, 2001, dtype=torch.float64).unsqueeze(-1)
    for logit, missing in ((0.0, 2.0), (3.0, float(3 / np.tanh(1.5)))):
        cross_entropy = -torch.nn.functional.binary_cross_entropy_with_logits(
            torch.full_like(x, logit), x, reduction="none"
        )
        mass = float(integrate.simpson(cross_entropy.exp().squeeze(-1).numpy(), x=x.squeeze(-1).numpy()))
        assert mass == pytest.approx(1 / missing, rel=1e-6)
        assert mass < 0.51


@pytest.mark.parametrize(
    "likelihood",
    [
        DiscretisedLogisticLikelihood((3,)),
        DiscretisedLogisticLikelihood((3,), log_scale=-4.5, clamped=True),
        LogisticMixtureLikelihood((3,), parts=3),
        CategoricalLevelsLikelihood((3,)),
    ],
    ids=["logistic", "clamped", "mixture", "categorical"],
)
@pytest.mark.parametrize("size", [0.3, 4.0, 40.0])
def test_the_levels_probabilities_sum_to_one_and_have_the_mean_they_say(
    likelihood: torch.nn.Module, size: float
) -> None:
    torch.manual_seed(1)
    law = likelihood(size * torch.randn(5, *likelihood.takes((3,))))
    log_p = law.log_pmf(torch.arange(256.0).view(-1, 1, 1)).double()  # (256, 5, 3)
    p = log_p.exp()
    torch.testing.assert_close(p.sum(0), torch.ones(5, 3).double(), atol=2e-5, rtol=0)
    torch.testing.assert_close(law.mean.double(), (p * GRID.view(-1, 1, 1)).sum(0), atol=2e-5, rtol=0)
    x = GRID[torch.randint(256, (4, 5, 3))]
    found = log_p.gather(0, (x * 255).round().long().flatten(0, 0))
    torch.testing.assert_close(law.log_prob(x).double()[0], found[0].sum(-1), atol=1e-3, rtol=1e-4)
    assert bool(law.support.check(x).all()) and bool(law.support.check(law.sample([3])).all())
    assert not bool(law.support.check(x.clamp(max=0.9) + 0.5 / 255).any())


def test_levels_of_bytes_divided_by_255_are_met_exactly() -> None:
    """A byte k read as k/255 in float32 is level k, and not k - 1 by a rounding."""
    stored = torch.arange(256, dtype=torch.uint8).div(255)
    logits = torch.randn(1, 256)
    law = CategoricalLevelsLikelihood((1,))(logits)
    torch.testing.assert_close(law.log_prob(stored.view(-1, 1, 1))[:, 0], logits[0].log_softmax(0))
    logistic = DiscretisedLogistic(torch.full((1,), 0.4), torch.full((1,), -2.0), event_ndim=1)
    cells = [stats.logistic.cdf([k / 256, (k + 1) / 256], 0.4, math.exp(-2)) for k in range(1, 255)]
    expected = torch.tensor([math.log(high - low) for low, high in cells])
    torch.testing.assert_close(logistic.log_prob(stored[1:-1].view(-1, 1)), expected, atol=1e-4, rtol=1e-4)


def test_a_logistics_tails_keep_their_probability_and_gradient_where_a_difference_of_cdfs_is_zero() -> None:
    loc = torch.tensor([[-3.0], [4.0], [0.5]], requires_grad=True)
    law = DiscretisedLogistic(loc, torch.full((3, 1), -6.0), event_ndim=1)
    value = law.log_prob(torch.tensor([[0.8], [0.2], [0.9]]).mul(255).round().div(255))
    (slope,) = torch.autograd.grad(value.sum(), loc)
    assert bool(value.isfinite().all()) and bool((value < -100).all())
    torch.testing.assert_close(slope.abs(), torch.full((3, 1), math.exp(6.0)), rtol=1e-3, atol=0)
    assert slope.sign().flatten().tolist() == [1, -1, 1]


def test_a_mean_beyond_black_makes_black_certain_and_a_clamped_one_cannot() -> None:
    features = torch.tensor([[-30.0, -20.0]])
    free, clamped = (
        DiscretisedLogisticLikelihood((1,), log_scale=-4.5, clamped=c)(features).log_prob(torch.zeros(1, 1))
        for c in (False, True)
    )
    assert float(free) > -1e-6
    assert float(clamped) == pytest.approx(math.log(1 / (1 + math.exp(-math.exp(4.5) / 512))), abs=0.01)


@pytest.mark.parametrize("name", ["logistic", "mixture", "categorical"])
def test_many_samples_against_one_x_are_what_each_is_alone(name: str) -> None:
    made = {
        "logistic": DiscretisedLogisticLikelihood,
        "mixture": LogisticMixtureLikelihood,
        "categorical": CategoricalLevelsLikelihood,
    }
    shape = (2, 3, 2)
    likelihood = made[name](shape)
    features, x = torch.randn(6, 4, *likelihood.takes(shape)), GRID[torch.randint(256, (4, *shape))]
    together = likelihood(features).log_prob(x)
    alone = torch.stack([likelihood(part).log_prob(x) for part in features])
    assert together.shape == (6, 4)
    torch.testing.assert_close(together, alone)


def test_categorical_features_are_blocks_of_channels() -> None:
    """Features (256 C, H, W): block k holds the logits of level k of every channel."""
    likelihood = CategoricalLevelsLikelihood((3, 2, 2))
    features = torch.zeros(1, *likelihood.takes((3, 2, 2)))
    features[0, 200 * 3 + 1, 0, 1] = 50.0
    assert float(likelihood(features).mode[0, 1, 0, 1]) == pytest.approx(200 / 255)


@pytest.mark.parametrize("learned", [False, True])
def test_a_laplace_likelihood_is_scipys(learned: bool) -> None:
    likelihood = LaplaceLikelihood((2, 3), scale=0.3, learned=learned)
    medians, x = torch.randn(4, 2, 3), torch.randn(4, 2, 3)
    expected = stats.laplace.logpdf(x.numpy(), medians.numpy(), 0.3).sum((1, 2))
    torch.testing.assert_close(
        likelihood(medians).log_prob(x).double(), torch.tensor(expected).double(), rtol=1e-4, atol=1e-4
    )


def test_the_decoder_says_each_values_sigma() -> None:
    likelihood = GaussianPerValueLikelihood((2, 1, 2), floor=0.1)
    features, x = torch.randn(3, 4, 1, 2), torch.randn(3, 2, 1, 2)
    sigma = 0.1 + np.log1p(np.exp(features[:, 2:].numpy()))
    expected = stats.norm.logpdf(x.numpy(), features[:, :2].numpy(), sigma).sum((1, 2, 3))
    torch.testing.assert_close(
        likelihood(features).log_prob(x).double(), torch.tensor(expected).double(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("shared", [True, False])
def test_constant_values_with_a_free_sigma_are_worth_no_more_than_the_floor_allows(shared: bool) -> None:
    """Deep Learning, 20.14: a border that never changes has no highest density; with a floor it has."""
    x = torch.zeros(8, 5)
    likelihood = GaussianLikelihood((5,), sigma=0.5, learned=True, shared=shared, floor=0.01)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        loss = -likelihood(torch.zeros(8, 5)).log_prob(x).mean()
        loss.backward()
        optimizer.step()
    most = -5 * math.log(0.01 * math.sqrt(2 * math.pi))
    reached = -float(loss.detach())
    assert reached <= most and reached == pytest.approx(most, abs=0.05)
    features = torch.cat([torch.zeros(1, 5), torch.full((1, 5), -100.0)], 1)
    per_value = GaussianPerValueLikelihood((5,), floor=0.01)(features).log_prob(x[:1])
    assert float(per_value) == pytest.approx(most, abs=1e-3)


def test_a_sigma_of_its_own_finds_the_spread_of_each_value() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 3) * torch.tensor([0.1, 0.5, 2.0])
    likelihood = GaussianLikelihood((3,), learned=True, shared=False)
    optimizer = torch.optim.Adam(likelihood.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        (-likelihood(torch.zeros(400, 3)).log_prob(x).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(likelihood(x).stddev[0].detach(), x.square().mean(0).sqrt(), rtol=0.01, atol=0)


def test_a_sigma_below_its_floor_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"sigma: 0\.001 is not above the floor of 0\.004; start it higher"):
        GaussianLikelihood((3,), sigma=0.001, learned=True)
    assert (
        GaussianLikelihood((3,), sigma=0.001)(torch.zeros(1, 3)).stddev.max() < 0.002
    )  # fixed: as it is said


def test_a_mean_squared_error_without_a_sigma_is_no_likelihood() -> None:
    """-log N(x; m, 1/2) is the summed squared error and D/2 log pi: at that sigma the error is one, at no other."""
    x, means = torch.rand(4, 784), torch.rand(4, 784)
    squares = (x - means).square().sum(1)
    half = GaussianLikelihood((784,), sigma=math.sqrt(0.5))(means).log_prob(x)
    torch.testing.assert_close(-half, squares + 392 * math.log(math.pi), rtol=1e-4, atol=1e-2)
    best = GaussianLikelihood((784,), sigma=float((squares.mean() / 784).sqrt()))(means).log_prob(x)
    assert float((best - half).mean()) > 20  # nats that the choice of sigma moves "the" likelihood by


def test_a_mean_over_pixels_beside_a_summed_divergence_is_beta_784() -> None:
    """The gradient of bce 'mean' + KL is that of (bce 'sum' + 784 KL)/784, so that the posterior collapses."""
    from genframe_plugins.vae.losses.elbo import elbo

    from genframe import Bernoulli, DiagonalGaussian

    torch.manual_seed(0)
    x = (torch.rand(4, 784) > 0.5).float()
    mean, logits = torch.randn(4, 3, requires_grad=True), torch.randn(4, 784)
    q_z = DiagonalGaussian(mean, torch.full((4, 3), 0.5))
    p_z = DiagonalGaussian(torch.zeros(3), torch.ones(3), standard=True)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    rate = torch.distributions.kl_divergence(q_z, p_z)
    wrong = bce(logits, x, reduction="none").mean(1) + rate
    right = elbo(x, q_z, q_z.rsample(), p_z, Bernoulli(logits)).total
    as_beta = elbo(x, q_z, q_z.rsample(), p_z, Bernoulli(logits), beta=784.0).total
    torch.testing.assert_close(784 * wrong, as_beta)
    assert float((784 * wrong - right).detach().min()) > 500


class TestColumns:
    def test_the_law_is_gaussians_and_categories(self) -> None:
        likelihood = ColumnsLikelihood((4,), categories=(3, 2), floor=0.1)
        assert likelihood.takes((4,)) == (9,)
        features = torch.randn(6, 9)
        law = likelihood(features)
        x = torch.cat(
            [torch.randn(6, 2), torch.tensor([[0, 1], [1, 0], [2, 1], [2, 0], [0, 0], [1, 1]]).float()], 1
        )
        sigma = 0.1 + torch.nn.functional.softplus(features[:, 2:4])
        expected = td.Normal(features[:, :2], sigma).log_prob(x[:, :2]).sum(1)
        expected += td.Categorical(logits=features[:, 4:7]).log_prob(x[:, 2])
        expected += td.Categorical(logits=features[:, 7:]).log_prob(x[:, 3])
        torch.testing.assert_close(law.log_prob(x), expected)
        many = likelihood(torch.randn(5, 6, 9))
        assert many.log_prob(x).shape == (5, 6)

    def test_integral_over_the_real_and_sum_over_the_others_is_one(self) -> None:
        law = ColumnsLikelihood((3,), categories=(3, 2))(torch.randn(1, 2 + 5))
        nodes = torch.linspace(-30, 30, 60_001)
        total = 0.0
        for a in range(3):
            for b in range(2):
                x = torch.stack([nodes, torch.full_like(nodes, a), torch.full_like(nodes, b)], 1)
                total += float(
                    integrate.trapezoid(law.log_prob(x.unsqueeze(1)).exp().double().squeeze(1), nodes)
                )
        assert total == pytest.approx(1, abs=1e-3)

    def test_draws_follow_the_probabilities(self) -> None:
        """A chi-square test at 1e-4."""
        torch.manual_seed(0)
        law = ColumnsLikelihood((2,), categories=(4,))(torch.tensor([[0.3, 0.0, 1.0, 0.0, -1.0, 0.5]]))
        drawn = law.sample([10_000])[:, 0]
        p = torch.tensor([1.0, 0.0, -1.0, 0.5]).softmax(0)
        counts = torch.bincount(drawn[:, 1].long(), minlength=4)
        assert (
            stats.chisquare(counts.numpy(), (10_000 * p / p.sum()).double().numpy(), sum_check=False).pvalue
            > 1e-4
        )
        assert float(law.mean[0, 1]) == pytest.approx(float((p * torch.arange(4)).sum()), abs=1e-5)
        assert law.mode[0].tolist() == pytest.approx([0.3, 0.0])

    @pytest.mark.parametrize("shape", [(1, 4, 4), (1,)])
    def test_pictures_and_too_few_columns_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="rows of a table, of at least 2 columns"):
            ColumnsLikelihood(shape, categories=(3, 2))

    def test_the_table_that_genframe_makes_hangs_together(self) -> None:
        """Unit variances, the classes that it promises, and columns that tell of each other."""
        x = Table(n=4000).load("train")["x"]
        torch.testing.assert_close(x[:, :4].std(0), torch.ones(4), atol=0.05, rtol=0)
        assert [set(x[:, 4 + place].tolist()) for place in range(2)] == [{0.0, 1.0, 2.0}, {0.0, 1.0}]
        correlation = torch.corrcoef(x.T)
        assert float(correlation[0, 1]) > 0.5 and float(correlation[0, 5]) < -0.5
        assert torch.equal(x, Table(n=4000).load("train")["x"])
        assert not torch.equal(x, Table(n=4000).load("test")["x"])
