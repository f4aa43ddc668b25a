"""Metrics of chains and of samples: known autocorrelation, known densities, equal and unequal laws."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.metrics.mixing import autocorrelation_time, chain_mixing
from genframe_plugins.metrics.parzen import log_densities, parzen
from genframe_plugins.metrics.two_sample import two_sample
from torch import Tensor

from genframe import DiagonalGaussian


class Data:
    def __init__(self, x: Tensor, y: Tensor | None = None) -> None:
        self.tensors = {"x": x} if y is None else {"x": x, "y": y}

    def __len__(self) -> int:
        return len(self.tensors["x"])

    def first(self, n: int) -> dict[str, Tensor]:
        return {name: tensor[:n] for name, tensor in self.tensors.items()}


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_autocorrelation_time_of_an_ar_1_process(rho: float) -> None:
    """(1 + rho) / (1 - rho)."""
    torch.manual_seed(0)
    x, series = torch.randn(200), []
    for _ in range(2000):
        x = rho * x + math.sqrt(1 - rho**2) * torch.randn(200)
        series.append(x)
    expected = (1 + rho) / (1 - rho)
    assert abs(float(autocorrelation_time(torch.stack(series))) / expected - 1) < 0.05


def test_a_series_that_stands_still_is_worth_one_draw_and_one_that_alternates_more_than_its_length() -> None:
    assert float(autocorrelation_time(torch.ones(100, 3))) == 100
    turns = torch.tensor([1.0, -1.0]).repeat(500).unsqueeze(1) + 0.1 * torch.randn(1000, 1)
    assert float(autocorrelation_time(turns)) < 0.2


def test_chain_mixing_of_an_ar_1_chain_and_of_one_between_two_modes() -> None:
    torch.manual_seed(0)

    def ar(x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(0.8 * x, torch.tensor(0.6))

    y = (torch.arange(500) % 2).long()
    data = Data(torch.randn(500, 3) + 0.1 * y[:, None], y)
    figures = chain_mixing(ar, data, steps=2000, chains=40)
    assert abs(figures["autocorrelation_time"] / 9 - 1) < 0.15
    assert abs(figures["autocorrelation_time_values"] / 9 - 1) < 0.15
    assert figures["effective_sample_size"] == pytest.approx(2000 * 40 / figures["autocorrelation_time"])

    def flips(x: Tensor) -> DiagonalGaussian:
        turned = torch.where(torch.rand(len(x), 1) < 0.3, -x, x)
        return DiagonalGaussian(turned, torch.tensor(1e-4))

    modes = Data(torch.where(y[:, None] == 1, 1.0, -1.0).expand(-1, 3).contiguous(), y)
    switches = chain_mixing(flips, modes, steps=1000, chains=50)["mode_switches"]
    assert abs(switches - 30) < 6 * 100 * math.sqrt(0.3 * 0.7 / 50_000)


def test_a_parzen_density_is_that_of_torch_distributions_and_integrates_to_1() -> None:
    torch.manual_seed(0)
    x, centres = torch.randn(50, 4).double(), torch.randn(30, 4).double()
    normal = torch.distributions.Normal(centres, 0.3)
    expected = torch.stack([normal.log_prob(row).sum(1).logsumexp(0) - math.log(30) for row in x])
    torch.testing.assert_close(log_densities(x, centres, [0.3])[0], expected)
    line = torch.linspace(-8, 8, 4001, dtype=torch.float64).unsqueeze(1)
    density = log_densities(line, centres[:, :1], [0.3])[0].exp()
    assert abs(float(torch.trapezoid(density, line[:, 0])) - 1) < 1e-6


def test_parzen_of_gaussian_samples_and_its_choice_of_sigma() -> None:
    """Many samples of N(0, 1) under Gaussians of sigma have the density N(0, 1 + sigma^2)."""
    torch.manual_seed(0)
    data = Data(torch.randn(4000, 1))
    figures = parzen(lambda n: torch.randn(n, 1), data, samples=20_000, sigma=0.5)
    variance = 1 + 0.25
    expected = -0.5 * math.log(2 * math.pi * variance) - 0.5 / variance
    assert abs(figures["parzen_log_likelihood"] - expected) < 0.03
    assert 0.005 < figures["parzen_log_likelihood_standard_error"] < 0.02
    tried = [
        parzen(lambda n: data.tensors["x"][:n] * 0.9, data, samples=300, sigma=s)["parzen_log_likelihood"]
        for s in (0.1, 10 ** (-1 + 3 / 9), 1.0)
    ]
    best = parzen(lambda n: data.tensors["x"][:n] * 0.9, data, samples=300)
    assert best["parzen_log_likelihood"] >= max(tried) - 1e-9 and 0.1 <= best["parzen_sigma"] <= 1


def test_two_samples_of_one_law_are_not_told_apart_and_of_two_laws_are() -> None:
    torch.manual_seed(0)
    data = Data(torch.randn(2000, 2))
    same = two_sample(lambda n: torch.randn(n, 2), data, count=300, permutations=199)
    wide = two_sample(lambda n: 1.5 * torch.randn(n, 2), data, count=300, permutations=199)
    assert same["energy_p"] > 0.01 and wide["energy_p"] == pytest.approx(1 / 200)
    assert wide["energy_distance"] > 5 * abs(same["energy_distance"])


def test_the_p_value_of_equal_laws_is_uniform() -> None:
    torch.manual_seed(0)
    data = Data(torch.randn(500, 1))
    values = [
        two_sample(lambda n: torch.randn(n, 1), data, count=40, permutations=49)["energy_p"]
        for _ in range(200)
    ]
    # Of 200 uniform values the mean has a standard error of 0.02; an alarm at five: 6e-7.
    assert abs(sum(values) / 200 - 0.51) < 0.1


def test_the_energy_distance_is_its_definition() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(20, 2), torch.randn(20, 2) + 1
    figures = two_sample(lambda n: x, Data(y), count=20, permutations=9)
    x, y = x.double(), y.double()
    expected = 2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean()
    assert figures["energy_distance"] == pytest.approx(float(expected))
