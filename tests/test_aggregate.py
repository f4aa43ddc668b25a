"""The aggregate posterior by brute force, and a linear-Gaussian model whose every figure is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Laplace, MultivariateNormal, Normal

from genframe import aggregate
from genframe.aggregate import (
    Aggregate,
    Estimate,
    active_units,
    marginals,
    means_of,
    nearest_distances,
    outside,
    surgery,
)
from genframe.distributions import Bernoulli, DiagonalGaussian
from genframe.two_sample import classifier_auc, delong


def laws(kind: str, rows: int) -> Distribution:
    """`rows` laws of three numbers."""
    torch.manual_seed(rows)
    mean, scale = torch.randn(rows, 3), torch.rand(rows, 3) + 0.2
    match kind:
        case "gaussian":
            return DiagonalGaussian(mean, scale)
        case "laplace":
            return Independent(Laplace(mean, scale), 1)
        case "bernoulli":
            return Bernoulli(mean)
        case _:
            root = torch.tril(torch.randn(rows, 3, 3), -1) + torch.diag_embed(scale)
            return MultivariateNormal(mean, scale_tril=root)


KINDS = ("gaussian", "laplace", "bernoulli", "full")


@pytest.mark.parametrize("kind", KINDS)
def test_its_density_is_the_mean_of_all_densities(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, blocks = laws(kind, 9), [laws(kind, 4), laws(kind, 5)]
    mixture = Aggregate([whole, *blocks])
    z = mixture.sample_each()
    assert mixture.count == 18 and z.shape == (18, 3)
    single = torch.cat(
        [
            law.log_prob(z.unsqueeze(1).expand(18, n, 3))
            for law, n in ((whole, 9), (blocks[0], 4), (blocks[1], 5))
        ],
        1,
    )
    expected = single.double().exp().mean(1).log()
    assert torch.allclose(mixture.log_prob(z), expected, atol=1e-5)
    monkeypatch.setattr(aggregate, "ELEMENTS", 20)  # a point or two at once
    assert torch.allclose(mixture.log_prob(z), expected, atol=1e-5)
    own = torch.cat([law.log_prob(part) for law, part in mixture.rows(z)])
    assert torch.allclose(mixture.own_log_prob(z), own.double(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_marginals_integrate_the_other_numbers_out(kind: str) -> None:
    """Of the joint's samples, the share below a point is the marginal's; five standard errors, 12 comparisons."""
    law = laws(kind, 1)
    alone = marginals(law)
    assert alone is not None and alone.batch_shape == (1, 3) and alone.event_shape == ()
    torch.manual_seed(0)
    drawn, single = law.sample((20_000,))[:, 0].double(), alone.sample((20_000,))[:, 0].double()
    assert torch.allclose(drawn.mean(0), single.mean(0), atol=0.1)
    assert torch.allclose(drawn.std(0), single.std(0), rtol=0.06)
    each = Aggregate([law, law]).log_prob_each(drawn[:5].float())
    assert each is not None and torch.allclose(
        each, alone.log_prob(drawn[:5, None].float())[:, 0].double(), atol=1e-5
    )


def test_narrow_laws_far_out_lose_nothing_to_cancellation() -> None:
    torch.manual_seed(0)
    mean, std = 1000 + torch.randn(50, 4), torch.full((50, 4), 1e-3)
    z = mean + std * torch.randn(50, 4)
    naive = Normal(mean.double(), std.double()).log_prob(z.double()[:, None]).sum(-1).logsumexp(1) - math.log(
        50
    )
    assert torch.allclose(Aggregate([DiagonalGaussian(mean, std)]).log_prob(z), naive, atol=1e-3)


def linear_gaussian(w: float, s: float, count: int) -> tuple[Aggregate, Tensor]:
    """x ~ N(0, 1), q(z|x) = N(w x, s^2) in two independent numbers."""
    x = torch.randn(count, 2)
    return Aggregate([DiagonalGaussian(w * part, torch.full_like(part, s)) for part in x.split(3000)]), x


def test_the_surgery_of_a_linear_gaussian_model_is_what_algebra_says() -> None:
    """q(z) = N(0, w^2 + s^2): I = log(1 + w^2/s^2) / 2 and KL to N(0, 1) of each number, up to the sample of x.

    The standard error of the mean over 2,000 codes is 0.03 nats, that of the 8,000 x smaller: a tolerance of five.
    """
    torch.manual_seed(0)
    w, s, count = 1.5, 0.5, 8000
    mixture, x = linear_gaussian(w, s, count)
    z = mixture.sample_each()
    chosen = torch.randperm(count)[:2000]
    prior = DiagonalGaussian(torch.zeros(2), torch.ones(2), standard=True)
    parts = surgery(
        mixture.own_log_prob(z)[chosen],
        mixture.log_prob(z[chosen]),
        prior.log_prob(z[chosen]).double(),
        count,
    )
    variance = w**2 + s**2
    information, divergence = math.log(1 + (w / s) ** 2), variance - 1 - math.log(variance)  # of both numbers
    assert abs(parts.information.value - information) < 0.15
    assert abs(parts.divergence.value - divergence) < 5 * parts.divergence.error + 0.05
    assert parts.rate.value == pytest.approx(parts.information.value + parts.divergence.value, abs=1e-6)
    exact = float((0.5 * ((w * x) ** 2 + s**2 - 1) - math.log(s)).sum(1).mean())
    assert abs(parts.rate.value - exact) < 5 * parts.rate.error
    assert torch.allclose(
        active_units(means_of_all(mixture)), torch.full((2,), w**2, dtype=torch.float64), rtol=0.06
    )
    each = mixture.log_prob_each(z[chosen][:500])
    assert each is not None
    both = each.sum(1) - mixture.log_prob(z[chosen][:500])  # independent numbers: the joint is the product
    assert abs(float(both.mean())) < 0.05


def means_of_all(mixture: Aggregate) -> Tensor:
    return torch.cat([means_of(block) for block in mixture.blocks])


def test_information_is_at_most_log_n_and_reaches_it() -> None:
    torch.manual_seed(0)
    mixture, _ = linear_gaussian(1.0, 1e-4, 500)
    z = mixture.sample_each()
    parts = surgery(mixture.own_log_prob(z), mixture.log_prob(z), torch.zeros(500), 500)
    assert parts.log_n == math.log(500)
    assert parts.information.value == pytest.approx(parts.log_n, abs=1e-6)


def test_a_collapsed_posterior_has_no_information() -> None:
    law = DiagonalGaussian(torch.zeros(100, 2), torch.ones(100, 2))
    mixture = Aggregate([law])
    z = mixture.sample_each()
    assert torch.allclose(mixture.own_log_prob(z), mixture.log_prob(z), atol=1e-9)
    assert not active_units(means_of(law)).any()


def test_means_without_a_closed_form_are_those_of_draws() -> None:
    class Warped(Normal):
        @property
        def mean(self) -> Tensor:
            raise NotImplementedError

    torch.manual_seed(0)
    law = Warped(torch.arange(3.0), 0.01)
    assert torch.allclose(means_of(law), torch.arange(3.0), atol=0.05)


def test_one_in_a_hundred_lies_outside_of_its_own_law_and_all_outside_of_another() -> None:
    torch.manual_seed(0)
    law = Normal(0.0, 1.0)
    share, threshold = outside(law.log_prob(torch.randn(50_000)), law.log_prob(torch.randn(50_000)))
    assert abs(share - 0.01) < 0.004  # six standard errors
    assert abs(threshold - float(law.log_prob(torch.tensor(2.576)))) < 0.15
    assert outside(law.log_prob(10 + torch.randn(100)), law.log_prob(torch.randn(1000)))[0] == 1.0


def test_the_nearest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    one, other = torch.randn(30, 2, 2), torch.randn(20, 2, 2)
    expected = (one.flatten(1)[:, None] - other.flatten(1)).norm(dim=2).amin(1)
    monkeypatch.setattr(aggregate, "ELEMENTS", 50)
    assert torch.allclose(nearest_distances(one, other), expected, atol=1e-5)


def test_an_estimate_of_one_value_knows_no_error() -> None:
    assert Estimate.of(torch.tensor([2.0])).value == 2 and math.isnan(Estimate.of(torch.tensor([2.0])).error)


def test_the_area_and_its_interval_are_delongs() -> None:
    """By the pairs themselves, ties as halves; the error by the structural components of the paper."""
    import numpy as np

    generator = np.random.default_rng(0)
    one, two = generator.integers(0, 9, 40).astype(float) + 1, generator.integers(0, 9, 30).astype(float)
    wins = (one[:, None] > two).astype(float) + 0.5 * (one[:, None] == two)
    error = math.sqrt(wins.mean(1).var(ddof=1) / 40 + wins.mean(0).var(ddof=1) / 30)
    found = delong(one, two)
    assert found.value == pytest.approx(wins.mean())
    assert found.high - found.value == pytest.approx(1.959964 * error)
    from sklearn.metrics import roc_auc_score

    truth = np.r_[np.ones(40), np.zeros(30)]
    assert found.value == pytest.approx(roc_auc_score(truth, np.r_[one, two]))


def test_its_interval_covers_the_truth_as_often_as_it_says() -> None:
    """95 % of 400 intervals, to within four standard errors of that share (4.4 %)."""
    import numpy as np

    generator = np.random.default_rng(1)
    truth = 0.5 * (1 + math.erf(0.5))  # N(1, 1) above N(0, 1) with Phi(1 / sqrt 2)
    covered = 0
    for _ in range(400):
        found = delong(generator.normal(1, 1, 100), generator.normal(0, 1, 100))
        covered += found.low <= truth <= found.high
    assert 0.906 < covered / 400 < 0.994


def test_a_classifier_tells_what_can_be_told_and_nothing_else() -> None:
    torch.manual_seed(0)
    same = classifier_auc(torch.randn(1000, 3), torch.randn(1000, 3))
    assert same.low < 0.5 < same.high  # a false alarm in one seed of twenty
    apart = classifier_auc(torch.randn(1000, 3) + torch.tensor([1.0, 0, 0]), torch.randn(1000, 3))
    assert apart.low < 0.7602 < apart.high + 0.05 and apart.low > 0.65  # Phi(1 / sqrt 2) at best
    hollow = torch.nn.functional.normalize(torch.randn(1000, 3), dim=1) * 1.7
    assert classifier_auc(hollow, torch.randn(1000, 3)).low > 0.75  # the same mean and covariance
    with pytest.raises(ValueError, match="20 points"):
        classifier_auc(torch.randn(10, 2), torch.randn(100, 2))
