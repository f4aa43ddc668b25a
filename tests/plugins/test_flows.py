"""Flows: their densities against the Jacobian, the inverse and quadrature; masks; what a law remembers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from genframe_plugins.vae.functions.centre import centre
from genframe_plugins.vae.laws.autoregressive import MADE, Autoregressive
from genframe_plugins.vae.laws.flow import Flow, standard
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.posteriors.autoregressive import IAFPosterior
from genframe_plugins.vae.posteriors.planar import Planar, PlanarPosterior
from genframe_plugins.vae.priors.maf import MAFPrior
from genframe_plugins.vae.priors.realnvp import RealNVPPrior
from torch import Tensor, nn

from genframe import Bernoulli
from genframe.testing.specimens import move

ROWS, SIZE = 3, 4


def planar(size: int = SIZE, amortised: bool = True) -> Flow:
    return _law(PlanarPosterior((5,), (size,), flows=4, amortised=amortised))


def iaf(size: int = SIZE) -> Flow:
    return _law(IAFPosterior((5,), (size,), flows=3, hidden=12, context=4))


def realnvp(size: int = SIZE) -> Flow:
    return _law(RealNVPPrior(dim=size, layers=4, hidden=(16,)))


def maf(size: int = SIZE) -> Flow:
    return _law(MAFPrior(dim=size, layers=3, hidden=16))


def shared(size: int = SIZE) -> Flow:
    return planar(size, amortised=False)


FLOWS = [planar, shared, iaf, realnvp, maf]


def _law(part: nn.Module) -> Flow:
    """A flow with parameters away from where they start, in double precision; a posterior's of ROWS rows."""
    torch.manual_seed(3)
    move(part)
    part.double()
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.mul_(1.5)
    features = torch.randn(ROWS, 5).double()
    law: Flow = part() if isinstance(part, (RealNVPPrior, MAFPrior)) else _doubled(part, features)
    return law


def _doubled(part: nn.Module, features: Tensor) -> Flow:
    """The posteriors put their parameters in single precision; here they stay double, so that errors are the flow's."""
    kept, Tensor.float = Tensor.float, lambda self: self  # type: ignore[method-assign,assignment]
    try:
        law: Flow = part(features)
    finally:
        Tensor.float = kept  # type: ignore[method-assign]
    return law


@pytest.mark.parametrize("make", FLOWS)
def test_the_volume_of_each_step_is_the_determinant_of_its_jacobian(make: Callable[[], Flow]) -> None:
    law = make()
    torch.manual_seed(0)
    z = law.base.sample(() if law.batch_shape else (ROWS,))
    for step in law.steps:
        forward, volume = step.forward(z)
        jacobians = torch.autograd.functional.jacobian(lambda v, s=step: s.forward(v)[0], z)
        blocks = torch.stack([jacobians[row, :, row] for row in range(ROWS)])  # (rows, size, size)
        torch.testing.assert_close(volume, torch.linalg.slogdet(blocks)[1])
        back, again = step.inverse(forward)
        torch.testing.assert_close(back, z, atol=1e-8, rtol=0)
        torch.testing.assert_close(again, volume, atol=1e-8, rtol=0)
        z = forward.detach()


@pytest.mark.parametrize("make", FLOWS)
def test_the_density_of_a_sample_is_that_of_the_same_numbers_mapped_back(make: Callable[[], Flow]) -> None:
    law = make()
    z = law.rsample([7])
    remembered = law.log_prob(z)
    torch.testing.assert_close(law.log_prob(z.clone()), remembered, atol=1e-7, rtol=0)
    assert float(law.log_prob(z.roll(1, 0)).sub(remembered).detach().abs().max()) > 0.1


@pytest.mark.parametrize("make", FLOWS)
def test_a_density_in_the_plane_integrates_to_one(make: Callable[[int], Flow]) -> None:
    """Trapezoids on 160 x 160 points within 6 spreads of the samples; what that misses is below 1 %."""
    law = make(2)
    with torch.no_grad():
        drawn = law.sample([4000])
        middle, spread = drawn.mean(0), drawn.std(0).amax(-1, keepdim=True)
        axis = torch.linspace(-6, 6, 160).double()
        grid = torch.cartesian_prod(axis, axis)
        points = middle + spread * (grid.unsqueeze(1) if law.batch_shape else grid)
        total = law.log_prob(points).exp().sum(0) * (12 / 159) ** 2 * spread.squeeze(-1) ** 2
    torch.testing.assert_close(total, torch.ones_like(total), atol=2e-2, rtol=0)


@pytest.mark.parametrize("make", FLOWS)
def test_the_gradient_through_the_inverse_is_a_difference_quotient(make: Callable[[], Flow]) -> None:
    law = make()
    value = law.sample([5]).requires_grad_()
    score = law.log_prob(value).sum()
    (gradient,) = torch.autograd.grad(score, value)
    torch.manual_seed(8)
    direction = torch.randn_like(value)
    step = 1e-5 * direction
    with torch.no_grad():
        difference = (law.log_prob(value + step) - law.log_prob(value - step)).sum() / 2e-5
    torch.testing.assert_close((gradient * direction).sum(), difference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backwards", [False, True])
def test_each_number_of_a_masked_net_depends_on_those_before_it_and_no_other(backwards: bool) -> None:
    torch.manual_seed(0)
    net = MADE(6, 600, 3, backwards=backwards).double()  # wide, so that some unit is at work for each
    z, context = torch.randn(6).double(), torch.randn(3).double()
    for part in (0, 1):
        jacobian = torch.autograd.functional.jacobian(lambda v, p=part: net(v, context)[p], z)
        seen = jacobian != 0
        before = torch.ones(6, 6).triu(1) if backwards else torch.ones(6, 6).tril(-1)
        assert torch.equal(seen, before.bool())
        by_context = torch.autograd.functional.jacobian(lambda c, p=part: net(z, c)[p], context)
        assert bool((by_context != 0).all())  # the first number's law too is each row's own


def test_an_inverse_flow_starts_near_the_identity_and_turns_the_order() -> None:
    part = IAFPosterior((5,), (4,), flows=3, hidden=32)
    starts = [net.last.bias[4:].mean().item() for net in part.nets]
    assert all(1 <= start <= 2 for start in starts)
    masks = [net.first.mask.bool() for net in part.nets]
    assert torch.equal(masks[0], masks[2]) and torch.equal(masks[0], masks[1].flip(1))


@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_planar_steps_never_fold_space(scale: float) -> None:
    """w.u stays above -1 for any parameters, so that the determinant is positive everywhere."""
    torch.manual_seed(0)
    step = Planar(scale * torch.randn(200, 2 * SIZE + 1).double())
    torch.testing.assert_close((step.w * step.u).sum(-1, keepdim=True), step.slope)
    assert float(step.slope.min()) > -1
    z = step.w / step.w.norm(dim=-1, keepdim=True) * torch.linspace(-3, 3, 400).double()[:, None, None]
    along = (step.forward(z)[0] * step.w).sum(-1)
    assert bool((along.diff(dim=0) > 0).all())
    assert bool(step.forward(z)[1].isfinite().all())


def test_without_the_constraint_a_planar_step_would_fold_space() -> None:
    """The case of the test above is one: raw u with w.u < -1 is among its draws."""
    torch.manual_seed(0)
    raw, w, _ = torch.split(3.0 * torch.randn(200, 2 * SIZE + 1), [SIZE, SIZE, 1], -1)
    assert float((raw * w).sum(-1).min()) < -1


def test_what_is_remembered_serves_no_other_value_and_no_other_gradient() -> None:
    law = iaf()
    features = law.base.mean
    z = law.sample()
    graded = law.log_prob(z)  # known without a graph, asked for with one: mapped back
    assert graded.requires_grad
    with torch.no_grad():
        assert torch.allclose(law.log_prob(z), graded, atol=1e-8)
    drawn = law.rsample()
    before = law.log_prob(drawn).detach()
    with torch.no_grad():
        drawn += 0.5  # written to since
        assert not torch.allclose(law.log_prob(drawn), before, atol=1e-3)
    other = law.rsample()
    law.rsample()
    torch.testing.assert_close(law.log_prob(other), law.log_prob(other.detach()), atol=1e-7, rtol=0)
    assert features.requires_grad


def test_the_gradient_of_the_rate_of_a_flow_is_that_of_its_expectation() -> None:
    """d/d theta E[log q(z) - log p(z)] by rsample and remembered densities, and by the score function's estimator.

    40,000 samples each; the bound is 6.5 standard errors of the noisier one: a false alarm in 1e-10 of seeds.
    """
    torch.manual_seed(0)
    part = PlanarPosterior((5,), (2,), flows=2)
    move(part)
    features = torch.randn(1, 5)
    prior = standard(2, features)
    weight = part.linear.weight

    def rate(n: int) -> Tensor:
        law = part(features)
        z = law.rsample([n])
        found: Tensor = law.log_prob(z) - prior.log_prob(z)
        return found

    (pathwise,) = torch.autograd.grad(rate(40_000).mean(), weight)
    law = part(features)
    z = law.sample([40_000])
    scores = law.log_prob(z)
    with torch.no_grad():
        reward = scores - prior.log_prob(z)
    direction = pathwise / pathwise.norm()
    estimates = []
    for chunk in range(20):
        rows = slice(2000 * chunk, 2000 * (chunk + 1))
        surrogate = ((reward[rows] - reward.mean()) * scores[rows]).mean()
        (gradient,) = torch.autograd.grad(surrogate, weight, retain_graph=True)
        estimates.append((gradient * direction).sum())
    found = torch.stack(estimates)
    error = float(found.std() / math.sqrt(len(found)))
    assert abs(float(found.mean() - pathwise.norm())) < 6.5 * error + 0.02 * float(pathwise.norm())


def test_a_flow_has_a_centre_and_no_mean() -> None:
    law = planar()
    assert centre(law).shape == (ROWS, SIZE)
    with pytest.raises(NotImplementedError):
        _ = law.mean


def test_free_bits_are_refused_for_a_flow() -> None:
    law = iaf()
    z = law.rsample()
    with pytest.raises(ValueError, match=r"only diagonal Gaussians.*Flow"):
        elbo(torch.ones(ROWS, 7), law, z, standard(SIZE, z), Bernoulli(torch.zeros(ROWS, 7)), free_bits=0.5)


def test_priors_start_near_the_standard_gaussian() -> None:
    torch.manual_seed(0)
    z = torch.randn(500, 8)
    due = standard(8, z).log_prob(z)
    for prior in (RealNVPPrior(dim=8), MAFPrior(dim=8)):
        assert float((prior().log_prob(z) - due).detach().abs().mean()) < 0.7


def test_samples_of_an_autoregressive_prior_are_mapped_back_to_the_base() -> None:
    """20,000 samples mapped back are standard normal: means within 6.5 standard errors, deviations too."""
    law = maf()
    torch.manual_seed(1)
    z = law.sample([20_000])
    for step in reversed(law.steps):
        z = step.inverse(z)[0]
    assert float(z.mean(0).abs().max()) < 6.5 / math.sqrt(20_000)
    assert float((z.std(0) - 1).abs().max()) < 6.5 / math.sqrt(40_000)


def test_numbers_that_are_not_found_yet_never_spoil_those_that_are() -> None:
    """A step of small scales sends wrong numbers far away while it is inverted; the result is exact all the same."""
    torch.manual_seed(0)
    net = MADE(12, 24, bias=-3.0).double()
    with torch.no_grad():
        for layer in (net.first, net.middle, net.last):
            layer.weight.mul_(3)
    step = Autoregressive(net)
    z = torch.randn(5, 12).double()
    there, volume = step.forward(z)
    back, again = step.inverse(there)
    torch.testing.assert_close(back, z, atol=1e-4, rtol=0)
    torch.testing.assert_close(again, volume, atol=1e-3, rtol=1e-4)
