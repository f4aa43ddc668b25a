"""The kit's own statistics against scipy's, and quadratures against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from genframe.testing.statistics import (
    chi_square_p,
    cumulative,
    knots_of,
    kolmogorov_p,
    ks_one_sample,
    ks_two_sample,
    mean_of,
    spread,
)


def normal(n: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("distance", [0.01, 0.02, 0.03, 0.05])
def test_kolmogorovs_p_value_is_scipys_from_above(distance: float) -> None:
    n = 5000
    asymptotic = float(stats.kstwobign.sf(math.sqrt(n) * distance))
    assert asymptotic <= kolmogorov_p(distance, n) <= min(1.0, asymptotic * 1.4)


def test_the_distance_to_a_distribution_function_is_scipys() -> None:
    samples = normal(3000, 1, 1.05)
    knots = torch.linspace(-6, 6, 20001, dtype=torch.float64)
    distance, place = ks_one_sample(samples, knots, torch.special.ndtr(knots))
    expected = stats.kstest(samples.numpy(), "norm")
    assert distance == pytest.approx(expected.statistic, abs=1e-3)
    assert distance <= expected.statistic + 1e-12
    assert place == pytest.approx(expected.statistic_location, abs=0.05)


@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_the_distance_of_two_samples_is_scipys(scale: float) -> None:
    first, second = normal(2000, 1), normal(1500, 2, scale)
    distances, p = ks_two_sample(first[:, None], second[:, None])
    expected = stats.ks_2samp(first.numpy(), second.numpy(), method="asymp")
    assert float(distances[0]) == pytest.approx(expected.statistic)
    assert expected.pvalue <= p * 1.3


def test_two_samples_are_compared_column_by_column() -> None:
    first = torch.stack([normal(2000, 1), normal(2000, 2)], -1)
    second = torch.stack([normal(2000, 3), normal(2000, 4) + 1], -1)
    distances, p = ks_two_sample(first, second)
    assert distances[0] < 0.06 < 0.3 < distances[1]
    assert p < 1e-9


def test_pearsons_p_value_is_scipys() -> None:
    counts = torch.tensor([210, 180, 330, 280])
    expected = torch.tensor([250.0, 200.0, 300.0, 250.0])
    due = stats.chisquare(counts.numpy(), expected.numpy()).pvalue
    assert chi_square_p(counts, expected) == pytest.approx(due, rel=1e-6)


def test_bins_of_few_are_pooled() -> None:
    counts = torch.tensor([500, 480, 6, 7, 7])
    expected = torch.tensor([490.0, 490.0, 7.0, 7.0, 6.0])
    due = stats.chisquare([500, 480, 20], [490, 490, 20]).pvalue
    assert chi_square_p(counts, expected) == pytest.approx(due, rel=1e-6)
    assert chi_square_p(torch.tensor([100]), torch.tensor([100.0])) == 1.0


def test_p_values_of_right_laws_are_spread_evenly() -> None:
    """200 chi-square tests of fair dice: their p-values are uniform. False alarm: 1e-4, with a fixed seed."""
    rolls = np.random.default_rng(0).multinomial(600, [1 / 6] * 6, size=200)
    found = [chi_square_p(torch.tensor(roll), torch.full((6,), 100.0)) for roll in rolls]
    assert stats.kstest(found, "uniform").pvalue > 1e-4


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", stats.norm()),
        ("Cauchy", stats.cauchy()),
        ("exponential", stats.expon()),
        ("uniform", stats.uniform()),
        ("arcsine", stats.beta(0.5, 0.5)),
    ],
)
def test_the_integral_over_samples_is_the_distribution_function(name: str, law: object) -> None:
    """Whatever the tails and the ends: within 3 in 4096, the number of panels, and what the ends leave out."""
    knots = torch.tensor(np.sort(law.rvs(4096, random_state=1)))
    found = cumulative(lambda nodes: torch.tensor(law.pdf(nodes.numpy())), knots)
    due = torch.tensor(law.cdf(knots.numpy()))
    assert float((found - (due - due[0])).abs().max()) < 3 / 4096


def test_a_gap_between_two_modes_leaks_nothing() -> None:
    samples = torch.cat([normal(2048, 1, 0.1) - 1000, normal(2048, 2, 0.1) + 1000]).sort().values

    def density(x: torch.Tensor) -> torch.Tensor:
        bumps = [torch.exp(-0.5 * ((x - c) / 0.1) ** 2) for c in (-1000, 1000)]
        return (bumps[0] + bumps[1]) * 0.5 / (0.1 * math.sqrt(2 * math.pi))

    assert float(cumulative(density, samples)[-1]) == pytest.approx(1, abs=3e-3)
    knots = knots_of(samples[:, None], 64)[:, 0]
    assert float(cumulative(density, knots)[-1]) == pytest.approx(1, abs=1e-2)


def test_a_mean_comes_with_its_standard_error() -> None:
    found = mean_of(normal(10_000, 5, 3.0))
    assert float(found.error) == pytest.approx(0.03, rel=0.05)
    assert not bool(found.beyond(torch.tensor(0.0), 4.5))
    assert bool(found.beyond(torch.tensor(0.3), 4.5))


def test_the_spread_of_a_normal_law_is_its_standard_deviation_and_outliers_leave_it() -> None:
    samples = normal(20_000, 6, 2.0)
    samples[:20] = 1e9
    assert float(spread(samples)) == pytest.approx(2 * stats.norm.ppf(5 / 6), rel=0.03)
