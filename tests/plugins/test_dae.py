"""Noise, distances and the likelihood of the clean picture."""

from __future__ import annotations

import math

import pytest
import torch
from genframe_plugins.dae.distances import l1, mse
from genframe_plugins.dae.gaussian import GaussianNoise
from genframe_plugins.dae.nll import nll

from genframe import Bernoulli


def test_noise_at_level_0_is_the_identity() -> None:
    x = torch.rand(4, 1, 7, 5)
    noised, level = GaussianNoise(std=0.5)(x, level=0.0)
    assert torch.equal(noised, x)
    assert level.std.tolist() == [0.0] * 4


def test_the_level_is_the_standard_deviation_that_was_added() -> None:
    torch.manual_seed(0)
    x = torch.rand(64, 1, 64, 64)
    noised, level = GaussianNoise(std=(0.1, 0.6))(x)
    measured = (noised - x).flatten(1).std(1)
    assert 0.1 <= float(level.std.min()) < 0.2 and 0.5 < float(level.std.max()) <= 0.6
    # The standard error of each is std / sqrt(2 * 4096): 1.1 %. False alarm at 5: 64 x 6e-7.
    assert ((measured / level.std - 1).abs() < 5 / math.sqrt(2 * 4096)).all()
    assert (noised - x).mean().abs() < 5 * 0.6 / math.sqrt(x.numel())


def test_noise_by_its_variance_has_the_square_root_as_its_deviation() -> None:
    torch.manual_seed(0)
    x = torch.zeros(2, 40_000)
    noised, level = GaussianNoise(variance=0.09)(x)
    assert level.std.tolist() == pytest.approx([0.3, 0.3])
    assert float(noised.var()) == pytest.approx(0.09, rel=0.03)  # six standard errors
    _, levels = GaussianNoise(variance=(0.01, 0.25))(torch.zeros(1000, 2))
    assert 0.1 <= float(levels.std.min()) < 0.14 and 0.48 < float(levels.std.max()) <= 0.5
    assert float(levels.std.square().mean()) == pytest.approx(0.13, abs=0.012), "the variance is uniform"
    assert GaussianNoise().std == 0.3


def test_std_and_variance_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        GaussianNoise(std=0.3, variance=0.09)


def test_each_example_has_its_own_draw() -> None:
    noise = GaussianNoise(std=0.3)(torch.zeros(3, 1, 8, 8))[0].flatten(1)
    correlation = torch.corrcoef(noise) - torch.eye(3)
    assert correlation.abs().max() < 0.6


def test_a_seed_repeats_the_noise_and_a_level_can_be_given_back() -> None:
    x, noise = torch.rand(4, 9), GaussianNoise(std=(0.1, 0.9))
    torch.manual_seed(1)
    first, level = noise(x)
    torch.manual_seed(1)
    again, _ = noise(x)
    assert torch.equal(first, again)
    other, same = noise(x, level=level)
    assert torch.equal(same.table, level.table)
    assert not torch.equal(other, first)


def test_the_gradient_flows_through_the_noise() -> None:
    x = torch.rand(4, 9, requires_grad=True)
    GaussianNoise()(x)[0].sum().backward()
    assert x.grad is not None and torch.equal(x.grad, torch.ones(4, 9))


def test_distances_are_means_over_everything() -> None:
    a, b = torch.rand(4, 1, 5, 3), torch.rand(4, 1, 5, 3)
    torch.testing.assert_close(l1(a, b), torch.nn.functional.l1_loss(a, b))
    torch.testing.assert_close(mse(a, b), torch.nn.functional.mse_loss(a, b))
    samples = torch.rand(2, 4, 1, 5, 3)
    torch.testing.assert_close(l1(samples, b), (l1(samples[0], b) + l1(samples[1], b)) / 2)


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 3, 5, 3), (1, 1, 5, 3), (3, 1, 5, 3)])
def test_distances_refuse_shapes_that_would_broadcast_by_accident(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="the shapes differ"):
        mse(torch.rand(4, 1, 5, 3), torch.rand(shape))


def test_nll_is_of_the_clean_picture_summed_over_pixels() -> None:
    x, logits = torch.rand(4, 1, 5, 3), torch.randn(2, 4, 1, 5, 3)
    value = nll(x, Bernoulli(logits[0], event_ndim=3))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[0], x, reduction="none").sum(
        (1, 2, 3)
    )
    torch.testing.assert_close(value, expected)
    both = nll(x, Bernoulli(logits, event_ndim=3))
    torch.testing.assert_close(both, (value + nll(x, Bernoulli(logits[1], event_ndim=3))) / 2)
