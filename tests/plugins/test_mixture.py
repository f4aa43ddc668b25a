"""The mixture sampler: it finds a known mixture, and draws from the one it found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import pytest
import torch
from genframe_plugins.vae.samplers.mixture import Mixture, log_joint, spread_out
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])
MEANS = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 8.0]])
ROOTS = torch.tensor([[[1.0, 0.0], [0.5, 0.4]], [[0.3, 0.0], [0.0, 0.3]], [[0.8, 0.0], [-0.6, 0.5]]])
TRUE = MixtureSameFamily(Categorical(WEIGHTS), MultivariateNormal(MEANS, scale_tril=ROOTS))


class Codes:
    """Data that encode themselves."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def batches(self, batch_size: int) -> Iterator[dict[str, Tensor]]:
        for part in self.x.split(batch_size):
            yield {"x": part}


def same(x: Tensor) -> Tensor:
    return x


def fitted(codes: Tensor, **options: Any) -> Mixture:
    mixture = Mixture(**options)
    mixture.fit(same, Codes(codes))
    return mixture


@pytest.fixture
def codes() -> Tensor:
    torch.manual_seed(0)
    return TRUE.sample((20_000,))


def in_order(mixture: Mixture) -> list[int]:
    """Which component is which of the true ones: the nearest by its mean."""
    return torch.cdist(MEANS, mixture.means).argmin(1).tolist()


def test_a_known_mixture_is_found(codes: Tensor) -> None:
    torch.manual_seed(1)
    mixture = fitted(codes, components=3)
    order = in_order(mixture)
    # Tolerances of five standard errors at 20,000 codes: a false alarm in less than 1e-5 of seeds.
    assert torch.allclose(mixture.log_weights.exp()[order], WEIGHTS, atol=0.02)
    assert torch.allclose(mixture.means[order], MEANS, atol=0.08)
    covariances = mixture.scales[order] @ mixture.scales[order].mT
    assert torch.allclose(covariances, ROOTS @ ROOTS.mT, atol=0.1)


def test_its_likelihood_is_that_of_torch(codes: Tensor) -> None:
    joint = log_joint(codes, WEIGHTS.log(), MEANS, ROOTS)
    assert torch.allclose(joint.logsumexp(1), TRUE.log_prob(codes), atol=1e-3)
    stds = torch.tensor([[1.0, 2.0], [0.5, 0.1], [3.0, 1.0]])
    diagonal = log_joint(codes, WEIGHTS.log(), MEANS, stds)
    assert torch.allclose(diagonal, log_joint(codes, WEIGHTS.log(), MEANS, torch.diag_embed(stds)), atol=1e-3)


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_each_iteration_raises_the_likelihood(covariance: Literal["full", "diagonal"], codes: Tensor) -> None:
    values = []
    for iterations in (1, 2, 4, 8, 16):
        torch.manual_seed(4)  # the same start
        mixture = fitted(
            codes[:2000], components=5, covariance=covariance, iterations=iterations, tolerance=1e-12
        )
        parts = (mixture.log_weights, mixture.means, mixture.scales)
        values.append(float(log_joint(codes[:2000], *parts).logsumexp(1).mean()))
    assert all(later >= earlier - 1e-5 for earlier, later in pairwise(values)), values
    assert values[-1] > values[0]


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_its_draws_have_the_moments_of_the_codes(
    covariance: Literal["full", "diagonal"], codes: Tensor
) -> None:
    """A fit by maximum likelihood has the codes' mean, and with full covariances their covariance, exactly."""
    torch.manual_seed(1)
    mixture = fitted(codes, components=3, covariance=covariance)
    drawn = mixture.sample(same, 50_000)
    # Standard errors of the means are below 0.03, of the covariances below 0.15: five of them.
    assert torch.allclose(drawn.mean(0), codes.mean(0), atol=0.15)
    atol = 0.75 if covariance == "full" else 1.2
    assert torch.allclose(drawn.T.cov(), codes.T.cov(), atol=atol)


def test_codes_of_any_shape_come_back_in_theirs_and_are_decoded_in_parts() -> None:
    torch.manual_seed(0)
    maps = torch.randn(300, 2, 3, 3)
    mixture = Mixture(components=2, covariance="diagonal")
    mixture.fit(lambda x: x, Codes(maps))
    sizes: list[int] = []

    def decode(z: Tensor) -> Tensor:
        sizes.append(len(z))
        return z.sum(1)

    assert mixture.sample(decode, 1500).shape == (1500, 3, 3)
    assert sizes == [1000, 500]


@pytest.mark.parametrize(
    "points",
    [torch.zeros(20, 2), torch.tensor([[0.0, 1.0], [2.0, 3.0]]).repeat(10, 1), torch.arange(20.0)[:, None]],
    ids=["one point", "two points", "a line"],
)
def test_codes_that_collapse_have_a_finite_fit(points: Tensor) -> None:
    torch.manual_seed(0)
    mixture = fitted(points, components=5)
    drawn = mixture.sample(same, 100)
    assert drawn.isfinite().all() and drawn.shape == (100, points.shape[1])
    assert float(drawn.min()) > float(points.min()) - 20 and float(drawn.max()) < float(points.max()) + 20


def test_more_components_than_codes_are_refused() -> None:
    with pytest.raises(ValueError, match="10 components need as many codes, and there are 3"):
        fitted(torch.zeros(3, 2))


def test_centres_are_spread_out() -> None:
    """Three far clusters: the three centres are of different ones, whatever the seed (chance below 1e-6 a seed)."""
    clusters = torch.cat([torch.randn(100, 2) * 0.01 + 1000.0 * k for k in range(3)])
    for seed in range(20):
        torch.manual_seed(seed)
        assert sorted((spread_out(clusters, 3)[:, 0] / 1000).round().tolist()) == [0, 1, 2]


def test_the_default_generator_alone_makes_it_random(codes: Tensor) -> None:
    torch.manual_seed(3)
    one = fitted(codes[:500]).sample(same, 5)
    torch.manual_seed(3)
    assert torch.equal(one, fitted(codes[:500]).sample(same, 5))
