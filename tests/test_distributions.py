"""The lean distributions against torch's, closed forms and brute force."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Independent, Normal, kl_divergence
from torch.distributions import OneHotCategorical as TorchOneHot

from genframe.distributions import Bernoulli, DiagonalGaussian, OneHotCategorical
from genframe.values import detached


def _gaussian(*shape: int, seed: int = 0, event_ndim: int = 1) -> DiagonalGaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(shape, generator=generator, dtype=torch.float64)
    std = torch.rand(shape, generator=generator, dtype=torch.float64) + 0.3
    return DiagonalGaussian(mean, std, event_ndim=event_ndim)


def _twin(q: DiagonalGaussian) -> Independent:
    return Independent(Normal(q.mean, q.stddev), q.event_ndim)


@pytest.mark.parametrize("shape, event_ndim", [((4, 3), 1), ((2, 4, 3), 1), ((4, 1, 5, 6), 3), ((3,), 1)])
def test_a_gaussian_agrees_with_torch(shape: tuple[int, ...], event_ndim: int) -> None:
    q = _gaussian(*shape, event_ndim=event_ndim)
    twin = _twin(q)
    value = torch.randn((7, *shape), dtype=torch.float64)
    assert q.batch_shape == twin.batch_shape
    assert q.event_shape == twin.event_shape
    torch.testing.assert_close(q.log_prob(value), twin.log_prob(value))
    torch.testing.assert_close(q.entropy(), twin.entropy())
    torch.testing.assert_close(q.variance, twin.variance)
    torch.testing.assert_close(q.mode, twin.mode)
    assert q.sample([5, 2]).shape == (5, 2, *shape)


def test_a_gaussian_integrates_to_one() -> None:
    q = DiagonalGaussian(torch.tensor([0.4, -0.2]).double(), torch.tensor([0.7, 1.3]).double())
    axis = torch.linspace(-12, 12, 1201, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)  # (1201^2, 2)
    mass = q.log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-9)


def test_a_gaussian_of_one_sigma_broadcasts_it() -> None:
    mean = torch.randn(4, 3, 5, 6)
    one = DiagonalGaussian(mean, torch.tensor(0.2), event_ndim=3)
    full = DiagonalGaussian(mean, torch.full_like(mean, 0.2), event_ndim=3)
    value = torch.randn(2, 4, 3, 5, 6)
    torch.testing.assert_close(one.log_prob(value), full.log_prob(value))
    torch.testing.assert_close(one.entropy(), full.entropy())
    assert one.stddev.shape == mean.shape


def test_kl_of_gaussians_is_torchs_and_the_sampled_one() -> None:
    q, p = _gaussian(4, 3), _gaussian(3, seed=1)
    closed = kl_divergence(q, p)
    torch.testing.assert_close(closed, kl_divergence(_twin(q), _twin(p).expand(torch.Size([4]))))
    torch.manual_seed(0)
    z = q.sample([100_000])
    difference = q.log_prob(z) - p.log_prob(z)
    error = difference.std(0) / math.sqrt(len(z))
    assert ((difference.mean(0) - closed).abs() < 5 * error).all()  # false alarm: 4 x 6e-7
    assert kl_divergence(q, q).abs().max() < 1e-12


def test_kl_terms_sum_to_the_kl() -> None:
    q, p = _gaussian(4, 3), _gaussian(3, seed=1)
    torch.testing.assert_close(q.kl_terms(p).sum(-1), kl_divergence(q, p))


def test_kl_of_a_pair_that_torch_does_not_know_is_refused() -> None:
    with pytest.raises(NotImplementedError):
        kl_divergence(_gaussian(3), _twin(_gaussian(3)))


def test_samples_have_the_moments_and_carry_the_gradient() -> None:
    torch.manual_seed(0)
    mean, std = torch.tensor([1.0, -2.0], requires_grad=True), torch.tensor([0.5, 2.0], requires_grad=True)
    q = DiagonalGaussian(mean, std)
    z = q.rsample([200_000])
    standardised = (z.mean(0) - mean) / (std / math.sqrt(len(z)))
    assert standardised.abs().max() < 5  # false alarm: 2 x 6e-7
    torch.testing.assert_close(z.std(0), std, rtol=0.01, atol=0)
    z.sum().backward()
    assert mean.grad is not None and std.grad is not None
    torch.testing.assert_close(mean.grad, torch.full((2,), 200_000.0))
    assert not q.sample().requires_grad


def test_bernoulli_sums_to_one_over_all_binary_vectors() -> None:
    p = Bernoulli(torch.randn(3, 8, dtype=torch.float64) * 4)
    everything = torch.tensor(list(itertools.product([0.0, 1.0], repeat=8)), dtype=torch.float64)
    total = p.log_prob(everything.unsqueeze(1)).exp().sum(0)  # (256, 3) -> (3,)
    torch.testing.assert_close(total, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize("event_ndim", [1, 3])
def test_bernoulli_is_minus_the_cross_entropy_with_logits(event_ndim: int) -> None:
    logits = torch.randn(5, 4, 2, 6, 7, dtype=torch.float64) * 10
    if event_ndim == 1:
        logits = logits.flatten(2)
    p, x = Bernoulli(logits, event_ndim=event_ndim), torch.rand_like(logits)
    expected = -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(2).sum(-1)
    torch.testing.assert_close(p.log_prob(x), expected)
    twin = Independent(TorchBernoulli(logits=logits), event_ndim)
    assert p.batch_shape == twin.batch_shape
    torch.testing.assert_close(p.entropy(), twin.entropy())
    torch.testing.assert_close(p.variance, twin.variance)
    torch.testing.assert_close(p.mean, logits.sigmoid())
    torch.testing.assert_close(p.log_prob(p.mode), twin.log_prob((logits > 0).double()))
    assert set(p.sample([2]).unique().tolist()) <= {0.0, 1.0}


def test_one_x_against_many_samples_equals_the_broadcast() -> None:
    p, x = Bernoulli(torch.randn(9, 4, 1, 6, 7), event_ndim=3), torch.rand(4, 1, 6, 7)
    torch.testing.assert_close(p.log_prob(x), p.log_prob(x.expand(9, 4, 1, 6, 7)))
    assert p.log_prob(x).shape == (9, 4)


def test_bernoulli_in_single_precision_is_exact_to_a_thousandth_of_a_nat_for_sure_decoders() -> None:
    torch.manual_seed(0)
    logits = torch.randn(64, 784) * 15
    x = (torch.rand(64, 784) < logits.sigmoid()).float()
    exact = Bernoulli(logits.double()).log_prob(x.double())
    assert (Bernoulli(logits).log_prob(x) - exact).abs().max() < 2e-3


def test_the_gradient_of_a_bernoulli_is_x_minus_the_mean() -> None:
    logits = (torch.randn(3, 10) * 5).requires_grad_()
    x = torch.rand(3, 10)
    (gradient,) = torch.autograd.grad(Bernoulli(logits).log_prob(x).sum(), logits)
    torch.testing.assert_close(gradient, x - logits.detach().sigmoid())


def test_kl_of_bernoullis_is_torchs() -> None:
    q, p = Bernoulli(torch.randn(4, 6) * 3), Bernoulli(torch.randn(6))
    twins = [Independent(TorchBernoulli(logits=d.logits.expand(4, 6)), 1) for d in (q, p)]
    torch.testing.assert_close(kl_divergence(q, p), kl_divergence(*twins))


def test_half_precision_parameters_are_widened() -> None:
    logits = torch.randn(4, 784).bfloat16()
    assert Bernoulli(logits).log_prob(torch.ones(4, 784)).dtype == torch.float32
    q = DiagonalGaussian(logits, logits.exp())
    assert q.rsample().dtype == kl_divergence(q, q).dtype == torch.float32


@pytest.mark.parametrize("make", [lambda t: DiagonalGaussian(t, t.exp()), Bernoulli])
def test_expanding_repeats_the_distribution(make: type[Bernoulli]) -> None:
    small = make(torch.randn(3))
    large = small.expand([5, 2])
    assert (large.batch_shape, large.event_shape) == ((5, 2), (3,))
    value = torch.rand(5, 2, 3)
    torch.testing.assert_close(large.log_prob(value), small.log_prob(value))


@pytest.mark.parametrize("q", [_gaussian(4, 3), Bernoulli(torch.randn(4, 3))])
def test_a_seed_repeats_the_draw(q: DiagonalGaussian | Bernoulli) -> None:
    def draw() -> Tensor:
        torch.manual_seed(3)
        return q.sample([2])

    torch.testing.assert_close(draw(), draw(), rtol=0, atol=0)


@pytest.mark.parametrize("shape, event_ndim", [((5, 3), 1), ((4, 2, 3), 2), ((2, 3, 2, 4), 3)])
def test_one_hot_variables_agree_with_torch(shape: tuple[int, ...], event_ndim: int) -> None:
    generator = torch.Generator().manual_seed(0)
    logits, others = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    q, p = (OneHotCategorical(part, event_ndim=event_ndim) for part in (logits, others))
    twin, other = (
        Independent(TorchOneHot(logits=part), event_ndim - 1) for part in (logits, others)
    )  # torch's has classes in its event already
    torch.manual_seed(0)
    z = q.sample([6])
    assert z.shape == (6, *shape) and q.support.check(z).all()
    assert (q.batch_shape, q.event_shape) == (twin.batch_shape, twin.event_shape)
    for one, due in [
        (q.log_prob(z), twin.log_prob(z)),
        (q.entropy(), twin.entropy()),
        (q.variance, twin.variance),
        (q.mode, twin.mode),
        (kl_divergence(q, p), kl_divergence(twin, other)),
    ]:
        torch.testing.assert_close(one, due)


def test_one_hot_samples_have_their_frequencies() -> None:
    """A z-test of each of three frequencies at 6 standard errors: a false alarm in 10^8."""
    probs = torch.tensor([0.7, 0.25, 0.05])
    torch.manual_seed(0)
    found = OneHotCategorical(probs.log()).sample([40_000]).mean(0)
    assert ((found - probs).abs() < 6 * (probs * (1 - probs) / 40_000).sqrt()).all()


def test_each_tells_its_support() -> None:
    for law, inside, outside in [
        (
            DiagonalGaussian(torch.zeros(2, 3), torch.ones(3)),
            torch.randn(2, 3),
            torch.full((2, 3), torch.nan),
        ),
        (Bernoulli(torch.zeros(2, 3)), torch.ones(2, 3), torch.full((2, 3), 0.5)),
        (OneHotCategorical(torch.zeros(2, 3)), torch.eye(3)[:2], torch.ones(2, 3)),
    ]:
        assert law.support.check(inside).tolist() == [True, True]
        assert law.support.check(outside).tolist() == [False, False]
        assert law.support.is_discrete is not isinstance(law, DiagonalGaussian)


class _HeldByANet(torch.distributions.Distribution):
    """A law whose log_prob asks a net, as a flow's does."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.net = net

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        return self.net(value).sum(-1)


def test_a_distribution_that_holds_a_net_is_detached_from_its_weights_alone() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    law, z = _HeldByANet(net), torch.randn(5, 3, requires_grad=True)
    before = net[1].running_mean.clone()
    value = detached(law).log_prob(z)
    torch.testing.assert_close(value, law.log_prob(z))
    value.square().sum().backward()
    assert z.grad is not None and z.grad.abs().sum() > 0
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert isinstance(detached(law).net[0].weight, torch.Tensor) and "0.weight" in net.state_dict()
    assert not torch.equal(before, net[1].running_mean), "buffers are shared: they move with the net's own"
    with torch.no_grad():
        detached(law).net[0].weight.zero_()
    assert not net[0].weight.any(), "the same numbers, not a copy"
