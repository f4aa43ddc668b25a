"""Samplers over codes: laws whose answer is known, which a Gaussian is not.

The codes encode themselves. The two laws are a ring (all mass at radius 3, none in the middle, where the Gaussian of
the same moments has its mode) and two far Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from genframe_plugins.vae.samplers.codes import Whitening, codes_of, net, trained
from genframe_plugins.vae.samplers.flow import FlowSampler
from genframe_plugins.vae.samplers.latent_langevin import LatentLangevin
from genframe_plugins.vae.samplers.mixture import Mixture
from genframe_plugins.vae.samplers.neighbours import Neighbours
from genframe_plugins.vae.samplers.resampled import PROPOSALS, Resampled
from genframe_plugins.vae.samplers.two_stage import TwoStage
from torch import Tensor, nn
from torch.nn import functional as F


class Codes:
    """Data that encode themselves."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def batches(self, batch_size: int) -> Iterator[dict[str, Tensor]]:
        for part in self.x.split(batch_size):
            yield {"x": part}


def same(x: Tensor) -> Tensor:
    return x


def silent(text: str) -> None:
    pass


def ring(n: int) -> Tensor:
    angle = 2 * math.pi * torch.rand(n)
    radius = 3 + 0.3 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


LEARNING: dict[str, Callable[[], Any]] = {
    "flow": lambda: FlowSampler(couplings=4, hidden=(64, 64), epochs=16, batch_size=250, lr=5e-3),
    "two-stage": lambda: TwoStage(hidden=(64, 64), epochs=30, batch_size=250, lr=1e-2),
    "resampled": lambda: Resampled(hidden=(64, 64), epochs=15, batch_size=250, lr=3e-3),
    "latent-langevin": lambda: LatentLangevin(hidden=(64, 64), epochs=15, batch_size=250, lr=3e-3),
    "neighbours": Neighbours,
    "kernels": lambda: Neighbours(kind="around", width=0.7),
}


def fitted(sampler: Any, codes: Tensor) -> Any:
    asked = [same, Codes(codes)]
    return sampler.fit(*asked) if isinstance(sampler, Neighbours) else sampler.fit(*asked, silent)


@pytest.mark.parametrize("name", LEARNING)
def test_a_ring_stays_a_ring(name: str) -> None:
    """Of the Gaussian with the ring's moments 20 % of draws lie within 1.5 of the middle; of the ring none."""
    torch.manual_seed(0)
    sampler = LEARNING[name]()
    fitted(sampler, ring(3000))
    with torch.no_grad():
        drawn = sampler.sample(same, 2000)
    radius = drawn.norm(dim=1)
    assert float((radius < 1.5).float().mean()) < 0.1  # a flow is a bijection, and has no holes
    assert abs(float(radius.mean()) - 3) < 0.3 and float(radius.std()) < 0.9
    quadrants = (2 * (drawn[:, 0] > 0) + (drawn[:, 1] > 0)).long().bincount(minlength=4)
    assert quadrants.min() > 350  # 500 each, of a standard deviation of 19


def test_codes_that_are_gaussian_are_kept_and_pictures_come_back_as_pictures() -> None:
    """Maps of any shape are codes too: (2, 2, 1) of known mean and covariance, found to five standard errors."""
    torch.manual_seed(1)
    root = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0, -0.3, 2.0, 0], [0, 0, 1.0, 0.1]])
    codes = (5 + torch.randn(4000, 4) @ root.T).reshape(-1, 2, 2, 1)
    for make in LEARNING.values():
        sampler = make()
        if hasattr(sampler, "epochs"):
            sampler.epochs = 2
        fitted(sampler, codes)
        with torch.no_grad():
            drawn = sampler.sample(same, 4000)
        assert drawn.shape == (4000, 2, 2, 1)
        flat = drawn.flatten(1)
        assert torch.allclose(flat.mean(0), torch.full((4,), 5.0), atol=0.25)
        assert torch.allclose(flat.T.cov(), root @ root.T, atol=0.6), type(sampler)


def test_the_flow_is_a_density_and_its_sampling_inverts_it() -> None:
    torch.manual_seed(2)
    flow = FlowSampler(couplings=4, hidden=(32,), epochs=4, batch_size=200, lr=1e-2)
    fitted(flow, ring(1000))
    grid = torch.linspace(-6, 6, 241)
    points = torch.cartesian_prod(grid, grid)
    with torch.no_grad():
        mass = float(flow.log_prob(points).double().exp().sum()) * float(grid[1] - grid[0]) ** 2
        assert abs(mass - 1) < 0.01
        torch.manual_seed(5)
        drawn = flow.whitening.fit(flow.sample(same, 500))  # refitted: only its size matters here
        assert drawn.shape == (500, 2)
        u = points[::977]
        for place in range(4):  # forwards, then backwards
            free, scale, shift = flow._coupling(place, u)
            moved = torch.where(free, u * scale.exp() + shift, u)
            free, scale, shift = flow._coupling(place, moved)
            assert torch.allclose(torch.where(free, (moved - shift) * (-scale).exp(), moved), u, atol=1e-4)


def test_the_second_stage_begins_at_an_exact_bound() -> None:
    """Untrained, its bound of whitened codes is log N(u; 0, I) whatever the sample, to rounding."""
    torch.manual_seed(3)
    stage = TwoStage(hidden=(8,), gamma=0.6)
    stage.nets = stage._nets(3)
    u = torch.randn(4000, 3)
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(u).sum(1)  # type: ignore[no-untyped-call]
    # One sample a code: of the difference the mean is 0 with a standard error of 0.02.
    assert abs(float((stage.bound(u).detach() - expected).mean())) < 0.1
    with pytest.raises(ValueError, match="below 1"):
        TwoStage(gamma=1.5)


def test_the_second_stage_asks_for_draws_and_not_for_means() -> None:
    from genframe.binding import required_parameters

    assert required_parameters(TwoStage.fit)[0] == "draw_code"


def test_the_resampled_density_is_the_law_of_its_draws() -> None:
    """Truncated at two proposals, with a known acceptance: p = (1-(1-Z)) a pi / Z + (1-Z) pi = (a + 1 - Z) pi."""
    torch.manual_seed(4)
    sampler = Resampled(hidden=(), truncate=2)
    sampler.whitening.fit(torch.randn(5000, 1))
    sampler.whitening.mean, sampler.whitening.root = torch.zeros(1), torch.eye(1)
    with torch.no_grad():
        sampler.acceptance[0].weight.fill_(3.0)  # type: ignore[operator, union-attr]
        drawn = sampler.sample(same, 40_000)[:, 0]
        positive = float((drawn > 0).float().mean())
        grid = torch.linspace(-6, 6, 4001, dtype=torch.float64)
        pi, a = torch.exp(-grid.square() / 2) / math.sqrt(2 * math.pi), (3 * grid).sigmoid()
        step = float(grid[1] - grid[0])
        z = float((a * pi).sum()) * step
        expected = float(((a + 1 - z) * pi)[grid > 0].sum()) * step
        assert abs(positive - expected) < 5 * math.sqrt(0.25 / 40_000)  # a false alarm in 2e6
        ratios = torch.stack([sampler.log_ratio(torch.tensor([[0.7]])) for _ in range(50)])
        exact = math.log(float(torch.tensor(2.1).sigmoid()) + 1 - z)
        assert abs(float(ratios.exp().mean().log()) - exact) < 5 / math.sqrt(50 * PROPOSALS)


def test_langevin_leaves_its_target_alone() -> None:
    """With f(u) = c u the target is N(c, 1): chains move the whole way, and mean and variance come out."""
    torch.manual_seed(5)
    sampler = LatentLangevin(hidden=(), steps=60)
    sampler.whitening.fit(torch.randn(100, 1))
    sampler.whitening.mean, sampler.whitening.root = torch.zeros(1), torch.eye(1)
    with torch.no_grad():
        sampler.logit[0].weight.fill_(2.0)  # type: ignore[operator, union-attr]
        drawn = sampler.sample(same, 20_000)
    assert abs(float(drawn.mean()) - 2) < 5 / math.sqrt(20_000)  # a false alarm in 2e6
    assert abs(float(drawn.var()) - 1) < 5 * math.sqrt(2 / 20_000)


def test_kernels_keep_the_covariance() -> None:
    """Silverman's shrinkage: without it the variance of 30 codes would be 1 + h^2 = 1.28 times too large."""
    torch.manual_seed(6)
    codes = torch.randn(30, 1)
    sampler = Neighbours(kind="around")
    fitted(sampler, codes)
    drawn = sampler.sample(same, 50_000)
    assert abs(float(drawn.var()) / float(codes.var(correction=0)) - 1) < 0.05  # seven standard errors


def test_interpolation_stays_between_neighbours() -> None:
    codes = torch.tensor([[0.0, 0.0], [0.0, 1.0], [100.0, 0.0], [100.0, 1.0]])
    sampler = Neighbours(neighbours=1)
    fitted(sampler, codes)
    torch.manual_seed(0)
    drawn = sampler.sample(same, 400)
    assert float(torch.minimum(drawn[:, 0].abs(), (drawn[:, 0] - 100).abs()).max()) < 1e-3
    assert 0.2 < float(drawn[:, 1].std()) < 0.4  # U(0, 1): 0.29


def test_a_training_keeps_its_best_epoch_and_says_how_far_it_is() -> None:
    torch.manual_seed(0)
    points, told = torch.randn(100, 1), []
    module = nn.Linear(1, 1)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    trained(
        module,
        lambda rows: (
            module(rows).square().mean() if torch.is_grad_enabled() else -module(rows).square().mean()
        ),
        points,
        epochs=3,
        batch_size=50,
        lr=0.1,
        tell=told.append,
    )  # what training lowers, the judgement raises: the beginning stays the best
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert len(told) == 3 and told[-1].startswith("epoch 3 of 3")


def test_codes_that_are_none_are_told() -> None:
    with pytest.raises(ValueError, match="2 codes are needed at least, and there are 1"):
        codes_of(same, Codes(torch.zeros(1, 2)))
    with pytest.raises(ValueError, match="not finite"):
        codes_of(same, Codes(torch.full((4, 2), math.nan)))
    with pytest.raises(ValueError, match="real numbers"):
        codes_of(same, Codes(torch.zeros(4, 2, dtype=torch.int64)))
    with pytest.raises(ValueError, match="6 codes are needed"):
        Neighbours().fit(same, Codes(torch.zeros(5, 2)))


def test_a_code_that_never_moves_does_no_harm() -> None:
    torch.manual_seed(0)
    codes = torch.cat([torch.randn(500, 2), torch.full((500, 1), 7.0)], 1)
    whitening = Whitening()
    points = whitening.fit(codes)
    assert points.isfinite().all() and torch.allclose(whitening.codes(points), codes, atol=1e-4)


def test_a_net_begins_as_nothing() -> None:
    assert not net(3, (8,), 2)(torch.randn(5, 3)).any()
    assert F.mse_loss(net(3, (), 2)(torch.randn(5, 3)), torch.zeros(5, 2)) == 0


def test_the_mixture_answers_to_its_usual_name() -> None:
    from genframe.discovery import discover

    assert discover().find("sampler", "gmm").name == "vae/mixture" and Mixture.__name__ == "Mixture"
