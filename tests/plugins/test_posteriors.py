"""Posteriors on all of R, on the sphere and on a point: densities, divergences and gradients against oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import torch
from genframe_plugins.vae.functions.bounds import rate_distortion
from genframe_plugins.vae.functions.centre import centre
from genframe_plugins.vae.laws.bessel import log_bessel
from genframe_plugins.vae.laws.laplace import DiagonalLaplace
from genframe_plugins.vae.laws.sphere import UniformOnSphere, VonMisesFisher, log_area
from genframe_plugins.vae.laws.tilt import draw_tilt
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.posteriors.deterministic import DeterministicPosterior
from genframe_plugins.vae.posteriors.full_gaussian import FullGaussian, FullGaussianPosterior
from genframe_plugins.vae.posteriors.gaussian import GaussianPosterior
from genframe_plugins.vae.posteriors.von_mises_fisher import VonMisesFisherPosterior
from genframe_plugins.vae.priors.gaussian import GaussianPrior
from genframe_plugins.vae.priors.sphere import SpherePrior
from genframe_plugins.vae.priors.uniform import UniformPrior
from tiny import codes
from torch import Tensor
from torch.distributions import Laplace, MultivariateNormal, kl_divergence

from genframe import Bernoulli, DiagonalGaussian, RecipeError
from genframe.compiling import compile_plan
from genframe.recipe import load_recipe

SIZES = [2, 3, 4, 5, 10, 21, 40, 200]


@pytest.mark.parametrize("size", SIZES)
def test_bessel_functions_are_scipys_where_scipy_has_them(size: int) -> None:
    kappa = torch.logspace(-2, 4, 40).double().requires_grad_()
    order = size / 2 - 1
    value, ratio = log_bessel(order, kappa)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = [scipy.special.ive(v, kappa.detach().numpy()) for v in (order, order + 1)]
        known = (scaled[0] > 1e-250) & (scaled[1] > 1e-250)
        due = np.log(scaled[0]) + kappa.detach().numpy()
        ratios = scaled[1] / scaled[0]
    assert known.sum() > 20
    np.testing.assert_allclose(value.detach().numpy()[known], due[known], atol=5e-8)
    np.testing.assert_allclose(ratio.detach().numpy()[known], ratios[known], rtol=1e-8)
    assert bool(value.isfinite().all())


def test_the_gradients_of_bessel_functions_are_difference_quotients() -> None:
    for size in (2, 3, 10, 60):
        kappa = torch.tensor([0.5, 3.0, 40.0, 900.0]).double().requires_grad_()
        assert torch.autograd.gradcheck(lambda k, s=size: log_bessel(s / 2 - 1, k), kappa, rtol=1e-3)


@pytest.mark.parametrize("size", [2, 3, 6, 20])
@pytest.mark.parametrize("kappa", [1.0, 30.0, 2000.0])
def test_the_density_on_the_sphere_integrates_to_one(size: int, kappa: float) -> None:
    """Over t = mu.z the slices of the sphere have the area of a smaller one, (1 - t^2)^((n - 3) / 2) dt."""
    angle = (torch.arange(200_000).double() + 0.5) * math.pi / 200_000
    mu = torch.zeros(size).double()
    mu[0] = 1
    law = VonMisesFisher(mu, torch.tensor(kappa).double())
    z = torch.zeros(len(angle), size).double()
    z[:, 0], z[:, 1] = angle.cos(), angle.sin()
    slices = log_area(size - 1) if size > 2 else math.log(2)
    masses = (law.log_prob(z) + (size - 2) * angle.sin().log() + slices).exp()
    assert float(masses.sum() * math.pi / 200_000) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", [2, 3, 10])
def test_the_rate_on_the_sphere_is_its_expectation_and_nothing_at_no_concentration(size: int) -> None:
    torch.manual_seed(0)
    mu = torch.nn.functional.normalize(torch.randn(2, size), dim=-1)
    q, p = VonMisesFisher(mu, torch.tensor([2.0, 50.0])), SpherePrior(dim=size)()
    z = q.sample([40_000])
    ratio = q.log_prob(z) - p.log_prob(z)
    error = ratio.std(0) / math.sqrt(len(z))
    assert bool(((ratio.mean(0) - kl_divergence(q, p)).abs() < 6.5 * error).all())  # false alarm below 1e-9
    flat = VonMisesFisher(mu, torch.full((2,), 1e-4))
    torch.testing.assert_close(kl_divergence(flat, p), torch.zeros(2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [2, 3, 12])
def test_a_drawn_direction_has_the_mean_and_the_gradient_of_its_law(size: int) -> None:
    """E[w] = I_{v+1}/I_v, and the mean of dw/dkappa is its derivative: for each draw exact, so of little variance.

    20,000 draws, within 6.5 standard errors: a false alarm in fewer than 1e-9 of seeds.
    """
    for value in (1.0, 8.0, 300.0):
        torch.manual_seed(1)
        kappa = torch.full((20_000,), value).double().requires_grad_()
        w = draw_tilt(kappa, size)
        mean = log_bessel(size / 2 - 1, torch.tensor(value))[1]
        assert abs(float(w.mean() - mean)) < 6.5 * float(w.std()) / math.sqrt(len(w))
        (slopes,) = torch.autograd.grad(w.sum(), kappa)
        due = 1 - mean**2 - (size - 1) * mean / value
        assert abs(float(slopes.mean() - due)) < 6.5 * float(slopes.std()) / math.sqrt(len(w)) + 1e-9
        assert bool((slopes >= 0).all())  # more concentration never draws a quantile away from mu


def test_the_gradient_of_a_mean_over_directions_is_that_of_the_closed_form() -> None:
    """E[z] = mu I_{v+1}/I_v, differentiated in mu and kappa through rsample: 100,000 draws, 6.5 standard errors."""
    torch.manual_seed(2)
    raw = torch.tensor([0.6, -0.3, 0.9, 0.2]).requires_grad_()
    kappa = torch.tensor(7.0, requires_grad=True)
    weight = torch.tensor([1.0, 2.0, -1.0, 0.5])

    def law() -> VonMisesFisher:
        return VonMisesFisher(torch.nn.functional.normalize(raw, dim=-1), kappa)

    due = torch.autograd.grad((law().mean * weight).sum(), (raw, kappa))
    batches = []
    for _ in range(20):
        value = (law().rsample([5000]) @ weight).mean()
        batches.append(torch.cat([g.reshape(-1) for g in torch.autograd.grad(value, (raw, kappa))]))
    found = torch.stack(batches)
    error = found.std(0) / math.sqrt(len(batches))
    assert bool(((found.mean(0) - torch.cat([d.reshape(-1) for d in due])).abs() < 6.5 * error + 1e-4).all())


def test_directions_have_length_one_at_any_concentration() -> None:
    torch.manual_seed(0)
    part = VonMisesFisherPosterior((5,), (4,))
    for scale in (0.01, 1.0, 1e3, 1e5):
        q_z = part(scale * torch.randn(50, 5))
        z = q_z.rsample([20])
        assert bool(q_z.support.check(z).all())
        z.sum().backward()
        assert all(bool(p.grad.isfinite().all()) for p in part.parameters() if p.grad is not None)
        assert torch.equal(centre(q_z), q_z.mode)


def test_a_full_covariance_is_torchs_multivariate_normal() -> None:
    torch.manual_seed(0)
    mean, root = torch.randn(3, 4).double(), torch.randn(3, 4, 4).double().tril()
    root.diagonal(dim1=-2, dim2=-1).abs_().add_(0.3)
    own, torchs = FullGaussian(mean, root), MultivariateNormal(mean, scale_tril=root)
    z = own.sample([6])
    torch.testing.assert_close(own.log_prob(z), torchs.log_prob(z))
    torch.testing.assert_close(own.entropy(), torchs.entropy())
    torch.testing.assert_close(own.variance, torchs.variance)
    p = DiagonalGaussian(torch.randn(4).double(), torch.rand(4).double() + 0.5)
    due = kl_divergence(torchs, MultivariateNormal(p.mean, torch.diag_embed(p.variance)))
    torch.testing.assert_close(kl_divergence(own, p), due)


def test_a_full_covariance_posterior_correlates_what_a_diagonal_one_can_not() -> None:
    torch.manual_seed(0)
    part = FullGaussianPosterior((3,), (2,))
    with torch.no_grad():
        part.linear.bias[4] = 20.0  # the number below the diagonal
    z = part(torch.zeros(1, 3)).sample([5000])[:, 0]
    assert float(torch.corrcoef(z.T)[0, 1]) > 0.9


def test_laplace_variables_have_closed_divergences() -> None:
    torch.manual_seed(0)
    q = DiagonalLaplace(torch.randn(2, 3), torch.rand(2, 3) + 0.2)
    z = q.sample([200_000])
    for p in (
        DiagonalLaplace(torch.zeros(3), torch.ones(3)),
        DiagonalGaussian(torch.zeros(3), torch.ones(3)),
    ):
        ratio = q.log_prob(z) - p.log_prob(z)
        error = ratio.std(0) / math.sqrt(len(z))
        assert bool(((ratio.mean(0) - kl_divergence(q, p)).abs() < 6.5 * error).all())
    torch.testing.assert_close(q.log_prob(z[0]), Laplace(q.mean, q.stddev / 2**0.5).log_prob(z[0]).sum(-1))


def test_a_point_has_no_rate_and_says_which_losses_ask_for_none() -> None:
    q_z = DeterministicPosterior((5,), (3,))(torch.randn(4, 5))
    assert torch.equal(q_z.rsample(), q_z.mean) and q_z.rsample([2]).shape == (2, 4, 3)
    assert not q_z.sample().requires_grad
    p_x = Bernoulli(torch.zeros(4, 7))
    with pytest.raises(NotImplementedError, match=r"no density.*rae or wae-mmd"):
        elbo(torch.ones(4, 7), q_z, q_z.rsample(), GaussianPrior(dim=3)(), p_x)


MISMATCHES = {
    ("posterior=von-mises-fisher",): "unit vectors",
    ("prior={use: sphere, dim: 4}",): "unit vectors",
    ("prior={use: uniform, dim: 4}",): "no mass beyond",
    ("posterior=laplace", "prior={use: uniform, dim: 4}"): "no mass beyond",
    ("posterior=deterministic",): "no density",
    ("posterior=iaf", "loss.free_bits=0.5"): "only diagonal Gaussians",
}


@pytest.mark.parametrize("overrides", MISMATCHES, ids=" ".join)
def test_what_does_not_match_is_said_before_training(overrides: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as caught:
        compile_plan(load_recipe("vae/digits", overrides))
    assert codes(caught.value.problems)[0] in ("GF508", "GF519")
    assert MISMATCHES[overrides] in str(caught.value)


def test_laws_that_live_elsewhere_are_refused_by_themselves() -> None:
    gaussian = DiagonalGaussian(torch.zeros(2, 3), torch.ones(2, 3))
    directions = VonMisesFisher(torch.eye(3)[:2], torch.ones(2))
    for q, p in ((gaussian, SpherePrior(dim=3)()), (directions, GaussianPrior(dim=3)())):
        with pytest.raises(ValueError, match="unit sphere"):
            kl_divergence(q, p)
    with pytest.raises(ValueError, match="no mass beyond"):
        rate_distortion(torch.ones(2, 5), gaussian, UniformPrior(dim=3)(), _observe)
    assert isinstance(SpherePrior(dim=3)(), UniformOnSphere)


def _observe(z: Tensor) -> Bernoulli:
    return Bernoulli(z.sum(-1, keepdim=True).expand(*z.shape[:-1], 5))


def test_a_gaussian_of_fixed_spread_learns_its_mean_alone() -> None:
    part = GaussianPosterior((4,), (2, 3), std=0.3)
    features = torch.randn(5, 7, 4)
    law = part(features)
    assert part.linear.weight.shape == (6, 4) and torch.equal(law.stddev, torch.full((5, 7, 2, 3), 0.3))
    torch.testing.assert_close(law.mean.flatten(2), part.linear(features))
    rate = kl_divergence(law, DiagonalGaussian(torch.zeros(2, 3), torch.ones(2, 3), event_ndim=2))
    wanted = 0.5 * (law.mean.square() + 0.09 - 1 - math.log(0.09)).flatten(2).sum(
        -1
    )  # of N(m, 0.3^2) to N(0, 1)
    torch.testing.assert_close(rate, wanted)
