"""Denoising autoencoders that generate: chains, walkback, GSN, contraction, Langevin; by closed forms and twins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from genframe_plugins.dae.chains.chain import chain
from genframe_plugins.dae.chains.contractive import contractive, tangent_noise
from genframe_plugins.dae.chains.gsn import GSN
from genframe_plugins.dae.chains.langevin import langevin
from genframe_plugins.dae.chains.mixture_density import MixtureDensity
from genframe_plugins.dae.chains.score import score_matching, tweedie
from genframe_plugins.dae.chains.walk import observed_mask, walk
from genframe_plugins.dae.chains.walkback import walkback
from genframe_plugins.dae.gaussian import GaussianNoise
from genframe_plugins.dae.noises.salt_and_pepper import SaltAndPepper
from genframe_plugins.vae.likelihoods.bernoulli import BernoulliLikelihood
from torch import Tensor, nn

from genframe import Bernoulli, DiagonalGaussian, Levels, Noise


class Data:
    """A split of these examples."""

    def __init__(self, x: Tensor) -> None:
        self.tensors = {"x": x}

    def __len__(self) -> int:
        return len(self.tensors["x"])

    def first(self, n: int) -> dict[str, Tensor]:
        return {"x": self.tensors["x"][:n]}


def halved(x: Tensor) -> DiagonalGaussian:
    """x' = x / 2 + N(0, 3/4): the stationary law is N(0, 1)."""
    return DiagonalGaussian(0.5 * x, torch.tensor(0.75**0.5))


def test_draws_of_one_chain_stand_in_its_order_behind_burn_in_and_thinned() -> None:
    data = Data(torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    torch.manual_seed(0)
    drawn = chain(halved, data, 10, chains=1, burn_in=4, thin=3)
    torch.manual_seed(0)
    x = data.tensors["x"][torch.randperm(3)[:1]]
    states = []
    for _ in range(4 + 30):
        x = 0.5 * x + 0.75**0.5 * torch.randn(1, 2)
        states.append(x[0])
    torch.testing.assert_close(drawn, torch.stack(states[6::3]))


def test_chains_stand_one_behind_the_other_and_a_rest_is_cut() -> None:
    def counted(x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(x + 1, torch.tensor(1e-9))

    drawn = chain(counted, Data(torch.tensor([[0.0], [100.0]])), 5, chains=2, burn_in=0).flatten()
    starts = drawn.round() % 100
    assert starts.tolist() == [1, 2, 3, 1, 2]
    assert (drawn[:3] > 50).unique().numel() == 1 and (drawn[3:] > 50).unique().numel() == 1


def test_from_noise_it_comes_to_its_stationary_law() -> None:
    torch.manual_seed(0)
    drawn = chain(
        halved, Data(torch.full((5, 1), 50.0) * torch.rand(5, 1)), 20_000, burn_in=20, start="noise"
    )
    # The standard error of the mean is 0.007, of the variance 0.01; an alarm at six: 2e-9.
    assert abs(float(drawn.mean())) < 0.043 and abs(float(drawn.var()) - 1) < 0.06


def test_moving_by_means_has_another_law_and_keeping_means_a_narrower_one() -> None:
    torch.manual_seed(0)
    data = Data(torch.randn(1000, 1))
    moved = chain(halved, data, 1000, burn_in=30, move="mean", draw="mean")
    assert float(moved.abs().max()) < 1e-6
    kept = chain(halved, data, 20_000, burn_in=30, draw="mean")
    assert abs(float(kept.var()) - 0.25) < 0.02


@pytest.mark.parametrize("observed", ["left", "right", "top", "bottom", "border"])
def test_observed_pixels_are_those_of_the_data(observed: Any) -> None:
    data = Data(torch.rand(7, 1, 5, 7) + 10)
    drawn = chain(
        lambda x: DiagonalGaussian(0 * x, torch.tensor(1.0), event_ndim=3),
        data,
        7,
        observed=observed,
        burn_in=3,
    )
    mask = observed_mask(drawn.shape[1:], observed, drawn.device)
    nearest = torch.cdist(drawn[:, mask], data.tensors["x"][:, mask]).min(1)
    assert float(nearest.values.max()) == 0 and nearest.indices.unique().numel() == 7
    assert float(drawn[:, ~mask].max()) < 7 and bool(mask.any()) and bool((~mask).any())


def test_what_is_not_observed_starts_as_another_example_has_it() -> None:
    torch.manual_seed(0)
    examples = torch.arange(40.0).view(20, 2)
    first = chain(still, Data(examples), 20, observed="left", start="others", burn_in=0)
    assert set(first[:, 0].tolist()) == set(examples[:, 0].tolist()), "each is observed once"
    assert set(first[:, 1].tolist()) <= set(examples[:, 1].tolist())
    assert int((first[:, 1] == first[:, 0] + 1).sum()) < 8  # 1 on average: more than 7 in 1e-5 of seeds


def still(x: Tensor) -> DiagonalGaussian:
    return DiagonalGaussian(x, torch.zeros(2))


def test_a_clamped_chain_draws_the_conditional_law() -> None:
    """Gibbs steps of a correlated Gaussian: with x_1 observed, x_2 ~ N(rho x_1, 1 - rho^2)."""
    torch.manual_seed(0)
    rho = 0.8

    def joint(x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(rho * x.flip(1), torch.tensor((1 - rho**2) ** 0.5))

    drawn = chain(joint, Data(torch.tensor([[1.5, 0.0]])), 20_000, observed="left", burn_in=5)
    assert (drawn[:, 0] == 1.5).all()
    assert abs(float(drawn[:, 1].mean()) - rho * 1.5) < 6 * 0.6 / 20_000**0.5
    assert abs(float(drawn[:, 1].std()) - 0.6) < 0.02


def test_a_vector_has_no_top() -> None:
    with pytest.raises(ValueError, match="left or the right"):
        chain(halved, Data(torch.rand(3, 4)), 2, observed="top")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 12))

    def forward(self, x: Tensor) -> Bernoulli:
        return Bernoulli(self.net(x))


@pytest.mark.parametrize("on", ["every", "last"])
def test_walkback_is_a_hand_written_loop_to_the_bit(on: Any) -> None:
    torch.manual_seed(0)
    net, x, noise = Net(), torch.rand(5, 12).round(), SaltAndPepper(share=0.4)
    torch.manual_seed(1)
    walkback(x, net, noise, steps=3, on=on).total.mean().backward()
    came = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    net.zero_grad()
    torch.manual_seed(1)
    here, losses = x, []
    for _ in range(3):
        noised, _level = noise(here)
        logits = net.net(noised)
        losses.append(nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1))
        here = torch.bernoulli(logits.detach().sigmoid())
    (torch.stack(losses).mean(0) if on == "every" else losses[-1]).mean().backward()
    assert len(came) == 4
    assert all(
        torch.equal(one, p.grad) for one, p in zip(came, net.parameters(), strict=True) if p.grad is not None
    )


def test_walkback_of_one_step_is_plain_denoising_and_reaches_no_gradient_through_samples() -> None:
    torch.manual_seed(0)
    net, x, noise = Net(), torch.rand(5, 12).round(), SaltAndPepper(share=0.4)
    torch.manual_seed(1)
    terms = walkback(x, net, noise, steps=1)
    torch.manual_seed(1)
    torch.testing.assert_close(terms.total, -net(noise.noised(x)).log_prob(x))
    assert set(terms.logged) == {"first", "last"} and not terms.logged["last"].requires_grad


def gsn(hidden: Sequence[int], **options: Any) -> GSN:
    torch.manual_seed(0)
    return GSN(
        (1, 3, 4),
        (1, 3, 4),
        SaltAndPepper(share=0.4),
        BernoulliLikelihood((1, 3, 4)),
        hidden=tuple(hidden),
        **options,
    )


def test_a_gsn_of_three_layers_updates_odd_layers_and_then_even_ones() -> None:
    """The schedule of the published code, written out: h_1 and h_3, then p(x|h_1) and h_2."""
    net, x = gsn((7, 6, 5), steps=3, std=2.0), torch.rand(8, 1, 3, 4).round()
    (w1, w2, w3), (b0, b1, b2, b3) = net.weights, net.biases
    torch.manual_seed(3)
    came = net(x)
    torch.manual_seed(3)
    noise, here = SaltAndPepper(share=0.4), x
    h2, h3 = torch.zeros(8, 6), torch.zeros(8, 5)

    def noisy(into: Tensor) -> Tensor:
        made = torch.tanh(into + 2 * torch.randn_like(into))
        return made + 2 * torch.randn_like(made)

    expected = []
    for _ in range(3):
        corrupted = noise.noised(here).flatten(1)
        h1 = torch.tanh(corrupted @ w1.T + h2 @ w2 + b1)  # no noise in the first layer
        h3 = noisy(h2 @ w3.T + b3)
        logits = (h1 @ w1 + b0).view(-1, 1, 3, 4)
        h2 = noisy(h1 @ w2.T + h3 @ w3 + b2)
        here = torch.bernoulli(logits.sigmoid())
        expected.append(logits)
    torch.testing.assert_close(came, torch.stack(expected))


def test_gsn_steps_stand_in_front_and_each_teaches_every_layer() -> None:
    net, x = gsn((7, 6), steps=4), torch.rand(8, 1, 3, 4).round()
    made = net(x)
    assert made.shape == (4, 8, 1, 3, 4)
    Bernoulli(made, event_ndim=3).log_prob(x).mean().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in net.parameters())


def test_a_gsn_chain_keeps_its_hidden_layers() -> None:
    net, x = gsn((7, 6)), torch.rand(8, 1, 3, 4).round()
    torch.manual_seed(5)
    law, state = net.advance(x)
    law, after = net.advance(state)
    assert [tuple(part.shape) for part in after] == [(8, 1, 3, 4), (8, 7), (8, 6)]
    torch.manual_seed(5)
    features = net(x)[1]
    torch.testing.assert_close(law.mean, features.sigmoid())
    torch.manual_seed(5)
    again = [x for _, (_, x) in zip(range(2), walk(net.advance, x), strict=False)]
    assert torch.equal(again[1], after[0])


def test_a_gsn_without_noise_is_the_same_under_every_seed() -> None:
    torch.manual_seed(0)
    quiet = SaltAndPepper(share=0.0)
    net = GSN((12,), (12,), quiet, BernoulliLikelihood((12,)), hidden=(7, 6), std=0.0, move="mean")
    x = torch.rand(4, 12)
    torch.manual_seed(1)
    one = net(x)
    torch.manual_seed(2)
    assert torch.equal(one, net(x))


def test_conditions_of_a_gsn_are_clamped_into_its_first_layer_at_every_step() -> None:
    torch.manual_seed(0)
    noise = SaltAndPepper(share=0.4)
    options: dict[str, Any] = {"hidden": (7, 6), "steps": 3, "std": 0.5}
    net = GSN(((5,), (1, 2, 3), (2,)), (5,), noise, BernoulliLikelihood((5,)), **options)
    label, picture, more = torch.rand(8, 5).round(), torch.rand(8, 1, 2, 3), torch.rand(8, 2)
    assert net.clamped is not None
    (w1, w2), (b0, b1, b2), into = net.weights, net.biases, net.clamped.weight
    torch.manual_seed(3)
    came, tops = net.walk(label, picture, more)
    torch.manual_seed(3)
    here, h2 = label, torch.zeros(8, 6)
    fixed = torch.cat([picture.flatten(1), more], 1) @ into.T
    expected, ends = [], []
    for _ in range(3):
        h1 = torch.tanh(noise.noised(here) @ w1.T + fixed + h2 @ w2 + b1)
        h2 = torch.tanh(h1 @ w2.T + b2 + 0.5 * torch.randn(8, 6))
        h2 = h2 + 0.5 * torch.randn(8, 6)
        expected.append(h1 @ w1 + b0)
        ends.append(h2)
        here = torch.bernoulli(expected[-1].sigmoid())
    torch.testing.assert_close(came, torch.stack(expected))
    torch.testing.assert_close(tops, torch.stack(ends))
    torch.manual_seed(3)
    torch.testing.assert_close(net.top(label, picture, more), tops)
    torch.manual_seed(3)
    law, state = net.advance(label, picture, more)
    law, state = net.advance(state, picture, more)
    torch.testing.assert_close(law.mean, came[1].sigmoid())
    torch.manual_seed(4)
    inferred = net.infer(picture, more)
    torch.manual_seed(4)
    torch.testing.assert_close(inferred, net(torch.zeros(8, 5), picture, more))


def test_a_gsn_without_hidden_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden is empty"):
        GSN((12,), (12,), SaltAndPepper(), BernoulliLikelihood((12,)), hidden=())


def test_a_gsn_refuses_another_shape_than_its_own() -> None:
    with pytest.raises(ValueError, match="restores what it is given"):
        GSN((12,), (6,), SaltAndPepper(), BernoulliLikelihood((6,)))


def test_the_contractive_penalty_is_that_of_one_sigmoid_layer_in_closed_form() -> None:
    """sum_ij (h_j (1 - h_j) W_ji)^2: Rifai et al. 2011, section 5.3."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 5), nn.Sigmoid())
    x = torch.randn(4, 6)
    h = encoder(x)
    closed = ((h * (1 - h)) ** 2 @ encoder[0].weight.square().sum(1, keepdim=True)).squeeze(1)
    torch.testing.assert_close(contractive(x, encoder), closed)
    ours = torch.autograd.grad(contractive(x, encoder).sum(), encoder[0].weight)[0]
    torch.testing.assert_close(ours, torch.autograd.grad(closed.sum(), encoder[0].weight)[0])


def test_the_contractive_penalty_of_a_deep_encoder_is_autograds() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(2 * 2 * 3, 4), nn.Tanh())
    x = torch.randn(3, 1, 4, 5)
    expected = [
        torch.autograd.functional.jacobian(lambda v: encoder(v[None])[0], row).square().sum() for row in x
    ]
    torch.testing.assert_close(contractive(x, encoder), torch.stack(expected))
    with torch.no_grad():  # as validation has it
        torch.testing.assert_close(contractive(x, encoder), torch.stack(expected))


def test_tangent_noise_has_the_covariance_j_jt_squared() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    x = torch.randn(1, 3)
    jacobian = torch.autograd.functional.jacobian(lambda v: encoder(v[None])[0], x[0])
    with torch.no_grad():
        codes = tangent_noise(x.expand(200_000, 3), encoder, std=0.7)
    square = jacobian @ jacobian.T
    expected = 0.7**2 * square @ square.T
    assert float((codes.T.cov() - expected).abs().max()) < 0.02 * float(expected.diagonal().max())
    torch.testing.assert_close(codes.mean(0), encoder(x)[0], atol=6 * 0.01, rtol=0)


def gaussian_denoiser(mean: float, std: float) -> Any:
    """E[clean x] of N(mean, std^2) data with Gaussian noise of a level."""

    def denoise_at(x: Tensor, level: Tensor) -> Tensor:
        variance = level.square().reshape(-1, 1)
        return (std**2 * x + variance * mean) / (std**2 + variance)

    return denoise_at


def test_score_matching_of_a_gaussian_is_least_at_its_score_at_every_level() -> None:
    """A linear sigma s(y) = a y of N(0, s^2): E = (a^2 (s^2 + sigma^2) + 2 a sigma + 1) / 2 for each dimension, which
    is least at a = -sigma / (s^2 + sigma^2)."""
    torch.manual_seed(0)
    n, s = 200_000, 0.7
    for sigma in (0.1, 2.0):
        x = s * torch.randn(n, 2)
        level, y = Levels(torch.full((n, 1), sigma), ("std",)), x + sigma * torch.randn(n, 2)
        best = -sigma / (s**2 + sigma**2)
        for a in (best, 0.0, 0.8):
            loss = score_matching(x, y, level, a * y)
            expected = a**2 * (s**2 + sigma**2) + 2 * a * sigma + 1  # half of it in each of two dimensions
            assert abs(float(loss.mean()) - expected) < 6 * float(loss.std()) / n**0.5  # an alarm: 2e-9
        scale = torch.tensor(best, requires_grad=True)
        score_matching(x, y, level, scale * y).mean().backward()
        assert scale.grad is not None
        # d/da of the loss is y . (a y + e): its deviation is below 2 (s^2 + sigma^2) + sigma + 2.
        assert abs(float(scale.grad)) < 6 * (2 * (s**2 + sigma**2) + sigma + 2) / n**0.5


def test_score_matching_weighs_every_level_alike() -> None:
    x, e = torch.randn(6, 1, 2, 3), torch.randn(6, 1, 2, 3)
    for sigma in (0.01, 0.3, 5.0):
        level = Levels(torch.full((6, 1), sigma), ("std",))
        loss = score_matching(x, x + sigma * e, level, torch.zeros_like(x))
        torch.testing.assert_close(loss, 0.5 * e.square().flatten(1).sum(1), rtol=1e-3, atol=1e-3)


def test_tweedie_of_the_true_score_is_the_mean_of_the_clean_given_the_noised() -> None:
    y, level = torch.randn(7, 2), torch.rand(7) + 0.1
    scaled = -level[:, None] * (y - 2.0) / (0.6**2 + level[:, None] ** 2)
    torch.testing.assert_close(tweedie(y, level, scaled), gaussian_denoiser(2.0, 0.6)(y, level))


def test_levels_of_a_geometric_range_have_a_uniform_logarithm() -> None:
    torch.manual_seed(0)
    n, x = 20_000, torch.zeros(20_000, 1)
    for noise in (
        GaussianNoise(std=(0.01, 1.0), spread="geometric"),
        GaussianNoise(variance=(1e-4, 1.0), spread="geometric"),
    ):
        share = (noise.draw(x).log() / math.log(100) + 1).sort().values  # of [log 0.01, log 1]
        assert float(share[0]) >= -1e-5 and float(share[-1]) <= 1 + 1e-5
        # Kolmogorov-Smirnov at 2.6 / sqrt(n): an alarm in 3e-6 of seeds.
        assert float((share - torch.arange(1, n + 1) / n).abs().max()) < 2.6 / n**0.5
    assert (GaussianNoise(std=0.3, spread="geometric").draw(x) == 0.3).all()
    with pytest.raises(ValueError, match="geometric range of std starts above 0"):
        GaussianNoise(std=(0.0, 1.0), spread="geometric")


def test_langevin_has_the_stationary_moments_of_its_step_size() -> None:
    """v / (1 - a / (4 v)) with v = s^2 + level^2 and a = step_size level^2."""
    torch.manual_seed(0)
    n, s, level, step = 40_000, 0.6, 0.5, 1.5
    data, denoise_at = Data(torch.randn(9, 1)), gaussian_denoiser(2.0, s)
    options: dict[str, Any] = {"high": level, "low": level, "levels": 1, "steps": 60, "step_size": step}
    drawn = langevin(denoise_at, data, n, **options, denoise_last=False)
    v, a = s**2 + level**2, step * level**2
    variance = v / (1 - a / (4 * v))
    assert variance / v > 1.15  # the discretisation is to be seen
    assert abs(float(drawn.mean()) - 2.0) < 6 * math.sqrt(variance / n)
    assert abs(float(drawn.var()) / variance - 1) < 6 * math.sqrt(2 / n)


def test_annealed_langevin_finds_both_modes_of_a_mixture_in_their_shares() -> None:
    """Modes 8 deviations apart, 0.25 and 0.75 of the mass, and the exact denoiser."""
    torch.manual_seed(0)
    means, shares, s = torch.tensor([-2.0, 2.0]), torch.tensor([0.25, 0.75]), 0.25

    def denoise_at(x: Tensor, level: Tensor) -> Tensor:
        v = s**2 + level.square().unsqueeze(1)
        log_joint = shares.log() - (x - means) ** 2 / (2 * v)
        posterior = log_joint.softmax(1)
        return (posterior * (s**2 * x + (v - s**2) * means) / v).sum(1, keepdim=True)

    drawn = langevin(
        denoise_at, Data(torch.tensor([[-3.0], [3.0]])), 4000, high=3.0, low=0.1, levels=20, steps=40
    )
    share = float((drawn > 0).float().mean())
    assert abs(share - 0.75) < 0.08  # the anneal is quick: some 0.02 of bias, and a standard error of 0.007
    right = drawn[drawn > 0]
    assert abs(float(right.mean()) - 2.0) < 0.05 and abs(float(right.std()) - s) < 0.06


def test_a_mixture_density_is_the_sum_of_its_gaussians_and_draws_from_each() -> None:
    """Two components in two dimensions, their features written out; 0.3 and 0.7 of the mass."""
    torch.manual_seed(0)
    likelihood = MixtureDensity((2,), components=2, floor=0.1)
    assert likelihood.takes((2,)) == (10,)
    means, stds = torch.tensor([[-1.0, 0.0], [2.0, 1.0]]), torch.tensor([[0.2, 0.5], [0.3, 0.4]])
    raw = (stds - 0.1).expm1().log()  # the inverse of softplus
    features = torch.cat([torch.tensor([0.3, 0.7]).log(), means.flatten(), raw.flatten()])
    law = likelihood(features.expand(20_000, -1))
    x = torch.randn(20_000, 2)
    gaussians = torch.exp(-0.5 * ((x.unsqueeze(1) - means) / stds).square()) / (stds * math.tau**0.5)
    dense = gaussians.prod(2) @ torch.tensor([0.3, 0.7])
    near = dense > 1e-20
    torch.testing.assert_close(law.log_prob(x)[near], dense[near].log(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(law.mean[0], 0.3 * means[0] + 0.7 * means[1])
    drawn = law.sample()
    upper = drawn[:, 0] > 0.5  # 5 deviations from either mean
    # Six standard errors: an alarm in 2e-9 of seeds for each.
    assert abs(float(upper.float().mean()) - 0.7) < 6 * (0.21 / 20_000) ** 0.5
    assert float((drawn[upper].mean(0) - means[1]).abs().max()) < 6 * 0.4 / 14_000**0.5
    assert float((drawn[upper].std(0) / stds[1] - 1).abs().max()) < 6 / (2 * 14_000) ** 0.5


class Gaussian(Noise):
    def draw(self, x: Tensor) -> Tensor:
        return torch.full((len(x),), 0.5)

    def apply(self, x: Tensor, level: Tensor) -> Tensor:
        return x + level * torch.randn_like(x)


def test_the_chain_of_a_perfect_denoiser_has_the_law_of_the_data() -> None:
    """Bengio et al. 2013, theorem 1, for a Gaussian whose p(x|x~) is known."""
    torch.manual_seed(0)
    noise, gain = Gaussian(), 1 / (1 + 0.25)

    def transition(x: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(gain * noise.noised(x), torch.tensor((gain * 0.25) ** 0.5))

    drawn = chain(transition, Data(torch.zeros(10, 1)), 40_000, burn_in=60)
    assert abs(float(drawn.mean())) < 6 / 200 and abs(float(drawn.var()) - 1) < 6 * math.sqrt(2 / 40_000)
