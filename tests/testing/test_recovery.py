"""The statistics behind the checks of noises, against scipy and against noises whose answer is plain."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor

from genframe.testing.recovery import figures, largest_distance, pictures, recovered, uniform_distance
from genframe.testing.toys import image


def test_the_distance_is_kolmogorovs() -> None:
    values = torch.rand(200, generator=torch.Generator().manual_seed(0)) ** 1.2
    expected = stats.kstest(values.double().numpy() * 2 + 3, stats.uniform(3, 2).cdf).statistic
    assert uniform_distance(2 * values.double() + 3, 3, 5) == pytest.approx(expected)


def test_uniform_values_seldom_go_beyond_the_largest_distance() -> None:
    generator = torch.Generator().manual_seed(1)
    far = [
        uniform_distance(torch.rand(50, generator=generator), 0, 1) > largest_distance(50, 0.05)
        for _ in range(2000)
    ]
    # The rate is below 0.05 (Massart's bound): 2,000 tries have a standard error of 0.005.
    assert 0.02 < sum(far) / 2000 < 0.05 + 4 * 0.005


def test_a_level_that_decides_is_recovered_and_one_that_does_not_is_not() -> None:
    case = image(1, 8, 8)

    def noise(shares: Tensor, seed: int, ignore: bool) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        x = pictures(case, 1).expand(len(shares), *case.data_shape)
        level = shares if not ignore else torch.rand(len(shares), generator=generator)
        return figures(x, x + level.reshape(-1, 1, 1, 1) * torch.randn(x.shape, generator=generator))

    assert recovered(lambda shares, seed: noise(shares, seed, ignore=False), rows=16) > 0.95
    assert recovered(lambda shares, seed: noise(shares, seed, ignore=True), rows=16) < 0.2


def test_pictures_are_smooth_and_differ() -> None:
    x = pictures(image(3, 28, 20), 4)
    assert x.shape == (4, 3, 28, 20)
    assert float(x.min()) == pytest.approx(0.1) and float(x.max()) == pytest.approx(0.9)
    assert float(x.diff(dim=-1).abs().mean()) < 0.2
    assert not torch.equal(x[0], x[1])
