"""Bounds of several samples, and their gradients, on a linear-Gaussian model whose evidence and gradients are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from genframe_plugins.vae.losses.capacity import capacity
from genframe_plugins.vae.losses.ciwae import ciwae
from genframe_plugins.vae.losses.dreg import dreg
from genframe_plugins.vae.losses.elbo import elbo
from genframe_plugins.vae.losses.iwae import iwae
from genframe_plugins.vae.losses.miwae import miwae
from genframe_plugins.vae.losses.stl import stl
from tiny import batch_of, plan_of, stepper_of
from torch import Tensor
from torch.distributions import Distribution, Independent, Laplace, Normal, kl_divergence
from torch.profiler import ProfilerActivity, profile

from genframe import DiagonalGaussian
from genframe.errors import RecipeError

Loss = Callable[..., Any]


class Model:
    """z ~ N(0, 1), x = w z + sigma epsilon, q(z|x) = N(a x + c, s^2): one latent, one value, in float64."""

    def __init__(self, a: float = 0.3, c: float = 0.4, s: float = 0.9, sigma: float = 0.8) -> None:
        self.decoder = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
        self.encoder = torch.tensor([a, c, s], dtype=torch.float64, requires_grad=True)
        self.sigma = sigma
        self.p_z = DiagonalGaussian(torch.zeros(1).double(), torch.ones(1).double(), standard=True)

    @classmethod
    def exact(cls, sigma: float = 0.8) -> Model:
        """With q the true posterior N(w x / (w^2 + sigma^2), sigma^2 / (w^2 + sigma^2))."""
        total = 1.3**2 + sigma**2
        return cls(1.3 / total, 0.0, sigma / math.sqrt(total), sigma)

    def q_z(self, x: Tensor) -> DiagonalGaussian:
        a, c, s = self.encoder
        return DiagonalGaussian(a * x + c, s.expand_as(x))

    def p_x(self, z: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(self.decoder * z, torch.tensor(self.sigma, dtype=torch.float64))

    def total(
        self, loss: Loss, x: Tensor, epsilon: Tensor, q_z: Distribution | None = None, **options: Any
    ) -> Tensor:
        """What is minimised, (batch,): x (batch, 1), epsilon (samples ..., batch, 1) standard normal."""
        q_z = self.q_z(x) if q_z is None else q_z
        z = q_z.mean + q_z.stddev * epsilon
        return loss(x, q_z, z, self.p_z, self.p_x(z), **options).total

    def gradients(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Of the decoder, and of the encoder (3,)."""
        decoder, encoder = torch.autograd.grad(value, [self.decoder, self.encoder])
        return decoder, encoder


def nodes(samples: int, count: int = 48) -> tuple[Tensor, Tensor]:
    """Gauss-Hermite: epsilon (samples, nodes, 1) and weights (nodes,) with sum_n w_n f(epsilon_n) = E f."""
    points, weights = (torch.as_tensor(v) for v in _hermite(count))
    grid = torch.cartesian_prod(*[points] * samples).reshape(-1, samples)
    mass = torch.cartesian_prod(*[weights] * samples).reshape(-1, samples).prod(1)
    return grid.T.unsqueeze(-1), mass


def _hermite(count: int) -> tuple[Any, Any]:
    from numpy.polynomial.hermite_e import hermegauss

    points, weights = hermegauss(count)
    return points, weights / math.sqrt(2 * math.pi)


def expected(
    model: Model, loss: Loss, samples: int, x: float = 0.7, **options: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """The expectation over z of a loss at x, and of its gradients, by quadrature."""
    epsilon, mass = nodes(samples, 128 if samples < 3 else 32)
    batch = torch.full((len(mass), 1), x, dtype=torch.float64)
    value = (mass * model.total(loss, batch, epsilon, **options)).sum()
    return value.detach(), *model.gradients(value)


def exact_bound(model: Model, x: float = 0.7) -> Tensor:
    """-ELBO in closed form: (x - w m)^2 + w^2 s^2 over 2 sigma^2, and the KL of two Gaussians."""
    at = torch.tensor([[x]], dtype=torch.float64)
    q_z = model.q_z(at)
    error = (at - model.decoder * q_z.mean).square() + (model.decoder * q_z.stddev).square()
    fit = 0.5 * error.sum() / model.sigma**2 + math.log(model.sigma * math.sqrt(2 * math.pi))
    return fit + kl_divergence(q_z, model.p_z).sum()


@pytest.mark.parametrize("loss", [iwae, stl, dreg, miwae, ciwae])
def test_with_one_sample_every_bound_is_the_elbo_with_its_gradient(loss: Loss) -> None:
    model = Model()
    bound = exact_bound(model)
    value, *gradients = expected(model, loss, 1)
    torch.testing.assert_close(value, bound.detach(), rtol=1e-9, atol=1e-9)
    for came, true in zip(gradients, model.gradients(bound), strict=True):
        torch.testing.assert_close(came, true, rtol=1e-8, atol=1e-9)


def test_the_doubly_reparametrised_gradient_is_that_of_iwae_in_expectation() -> None:
    """By quadrature over both samples: equal to five digits."""
    model = Model()
    bound, *true = expected(model, iwae, 2)
    value, *came = expected(model, dreg, 2)
    assert value == pytest.approx(float(bound), rel=1e-12), "what is logged is the bound"
    for one, other in zip(came, true, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert (true[1] - model.gradients(exact_bound(model))[1]).abs().max() > 0.01


def test_the_gradient_of_iwae_is_that_of_its_value() -> None:
    model, step = Model(), 1e-5
    _, decoder, encoder = expected(model, iwae, 2)
    sides = []
    for sign in (1, -1):
        moved = Model(c=0.4 + sign * step)
        sides.append(float(expected(moved, iwae, 2)[0]))
    assert float(encoder[1]) == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6)
    assert decoder.isfinite()


def test_with_the_true_posterior_the_bound_is_the_evidence_and_the_decoders_gradient_its_gradient() -> None:
    """d log p(x) / d w of N(0, w^2 + sigma^2) is w (x^2 / v - 1) / v; the encoder's vanishes sample by sample."""
    model, x = Model.exact(), 0.7
    variance = 1.3**2 + 0.8**2
    evidence = -0.5 * (x**2 / variance + math.log(2 * math.pi * variance))
    gradient = 1.3 * (x**2 / variance - 1) / variance
    for loss in (iwae, dreg, ciwae):
        value, decoder, _ = expected(model, loss, 2, x)
        assert float(value) == pytest.approx(-evidence, rel=1e-9)
        assert float(decoder) == pytest.approx(-gradient, rel=1e-8)
    torch.manual_seed(0)
    batch, epsilon = torch.randn(4, 1).double(), torch.randn(5, 4, 1).double()
    for loss in (stl, dreg):
        assert model.gradients(model.total(loss, batch, epsilon).sum())[1].abs().max() < 1e-12
    assert model.gradients(model.total(iwae, batch, epsilon).sum())[1].abs().max() > 0.1


def test_the_decoder_learns_by_dreg_what_it_learns_by_iwae() -> None:
    model = Model()
    torch.manual_seed(0)
    x, epsilon = torch.randn(6, 1).double(), torch.randn(20, 6, 1).double()
    by_dreg, by_iwae = (model.gradients(model.total(loss, x, epsilon).sum())[0] for loss in (dreg, iwae))
    torch.testing.assert_close(by_dreg, by_iwae)


def test_the_encoders_signal_drowns_in_iwae_and_not_in_dreg() -> None:
    """|mean| / std of 20,000 gradients each. From k = 2 to 50 IWAE's falls about as 1/sqrt(k), that is by 5, and
    DReG's grows. The mean's error is 0.007 std, so that 2 and 1 are 5 errors away from what came with seed 0."""
    model = Model(a=0.3, c=0.4, s=0.7)
    x = torch.full((20_000, 1), 0.7, dtype=torch.float64)

    def signal(loss: Loss, k: int) -> float:
        torch.manual_seed(0)
        mean = model.q_z(x).mean.detach().requires_grad_()
        q_z = DiagonalGaussian(mean, model.q_z(x).stddev.detach())
        total = model.total(loss, x, torch.randn(k, len(x), 1).double(), q_z)
        (gradient,) = torch.autograd.grad(total.sum(), mean)
        return float(gradient.mean().abs() / gradient.std())

    falls, grows = (signal(loss, 2) / signal(loss, 50) for loss in (iwae, dreg))
    assert falls > 2
    assert grows < 1


def test_weights_are_normalised_over_the_samples_of_one_image_alone() -> None:
    model = Model()
    torch.manual_seed(0)
    x, epsilon = torch.tensor([[0.1], [30.0]]).double(), torch.randn(7, 2, 1).double()
    for loss in (iwae, dreg, stl, miwae, ciwae):
        together = model.total(loss, x, epsilon)
        alone = [model.total(loss, x[[i]], epsilon[:, [i]]) for i in range(2)]
        torch.testing.assert_close(together, torch.cat(alone))


def test_the_better_sample_weighs_more_and_more_samples_raise_the_bound() -> None:
    """A softmax over +loss would favour the worse one."""
    model = Model()
    x, epsilon = torch.tensor([[0.7]]).double(), torch.tensor([[[0.0]], [[3.0]]]).double()
    q_z = model.q_z(x)
    z = (q_z.mean + q_z.stddev * epsilon).detach().requires_grad_()
    weights = model.p_x(z).log_prob(x) + model.p_z.log_prob(z) - q_z.log_prob(z)
    assert weights[0] > weights[1]
    terms = iwae(x, q_z, z, model.p_z, model.p_x(z))
    shares = torch.autograd.grad(-terms.total.sum(), weights, allow_unused=True)[0]
    by_hand = torch.log(weights.exp().mean(0))
    torch.testing.assert_close(-terms.total, by_hand)
    assert shares is None and 1 <= float(terms.logged["effective_samples"]) <= 2
    assert -terms.total > weights.mean(0)
    bounds = [float(expected(model, iwae, k)[0]) for k in (1, 2, 3)]
    assert bounds == sorted(bounds, reverse=True)


def test_the_rate_is_that_of_the_sample_though_a_closed_kl_is_known() -> None:
    model = Model()
    x, epsilon = torch.tensor([[0.7]]).double(), torch.tensor([[[1.5]]]).double()
    q_z = model.q_z(x)
    z = q_z.mean + q_z.stddev * epsilon
    by_hand = model.p_x(z).log_prob(x) + model.p_z.log_prob(z) - q_z.log_prob(z)
    for loss in (iwae, stl, miwae, ciwae):
        torch.testing.assert_close(-model.total(loss, x, epsilon), by_hand[0])
    assert abs(float((by_hand + exact_bound(model)).detach())) > 0.1


def test_groups_of_samples_are_bounds_of_their_own() -> None:
    model = Model()
    torch.manual_seed(0)
    x, epsilon = torch.randn(5, 1).double(), torch.randn(4, 3, 5, 1).double()
    together = model.total(miwae, x, epsilon)
    torch.testing.assert_close(together, torch.stack([model.total(iwae, x, e) for e in epsilon]).mean(0))
    torch.testing.assert_close(model.total(iwae, x, epsilon), model.total(iwae, x, epsilon.flatten(0, 1)))
    torch.testing.assert_close(model.total(miwae, x, epsilon[:, :1]), model.total(stl, x, epsilon[:, 0]))


def test_the_mixture_goes_from_one_bound_to_the_other() -> None:
    model = Model()
    torch.manual_seed(0)
    x, epsilon = torch.randn(5, 1).double(), torch.randn(4, 5, 1).double()
    tight, plain = model.total(iwae, x, epsilon), model.total(stl, x, epsilon)
    torch.testing.assert_close(model.total(ciwae, x, epsilon, beta=0.0), tight)
    torch.testing.assert_close(model.total(ciwae, x, epsilon, beta=1.0), plain)
    torch.testing.assert_close(model.total(ciwae, x, epsilon, beta=0.25), 0.25 * plain + 0.75 * tight)


@pytest.mark.parametrize("law", [Normal, Laplace])
def test_any_reparametrised_posterior_can_stick_its_landing(law: Any) -> None:
    """The stopped law is a copy of whatever stands there: its gradient is that of a twin written by hand."""
    loc, scale = (
        torch.randn(3, 2).double().requires_grad_(),
        torch.rand(3, 2).double().add(0.5).requires_grad_(),
    )
    q_z = Independent(law(loc, scale), 1)
    z, x = q_z.rsample([4]), torch.randn(3, 2).double()
    p_z, p_x = (
        Independent(Normal(torch.zeros(2).double(), 1.0), 1),
        DiagonalGaussian(z, torch.ones(()).double()),
    )
    came = torch.autograd.grad(stl(x, q_z, z, p_z, p_x).total.sum(), [loc, scale], retain_graph=True)
    twin = Independent(law(loc.detach(), scale.detach()), 1)
    by_hand = (p_x.log_prob(x) + p_z.log_prob(z) - twin.log_prob(z)).mean(0)
    true = torch.autograd.grad(-by_hand.sum(), [loc, scale])
    torch.testing.assert_close(came, true)


VAE: dict[str, Any] = {
    "genframe": 1,
    "pipeline": "vae",
    "data": {"use": "digits", "batch_size": 16, "binarise": "dynamic"},
    "encoder": {"use": "mlp", "hidden": [8]},
    "decoder": {"use": "mlp", "hidden": [8]},
    "prior": {"use": "gaussian", "dim": 3},
    "train": {"steps": 4},
}


@pytest.mark.parametrize("loss", ["iwae", "stl", "dreg", "miwae", "ciwae"])
def test_a_bound_of_several_samples_without_them_says_which_wires_to_write(loss: str) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_of({**VAE, "loss": loss})
    (problem,) = caught.value.problems
    assert "z of (k, batch, ...), not (2, 3)" in problem.message
    assert "`k: 50` and `z: q_z.rsample([k])`" in problem.message


@pytest.mark.parametrize("loss", ["iwae", "stl", "dreg", "miwae", "ciwae"])
def test_every_part_learns_by_each_bound(loss: str) -> None:
    wires = {"k": 5, "z": "q_z.rsample([k])"}
    plan = plan_of(
        {**VAE, "loss": loss, "wires": wires, "prior": {"use": "gaussian", "dim": 3, "learned": True}}
    )
    assert set(plan.routing["model"]["objective"]) == {"encoder", "posterior", "prior", "decoder"}


def test_piwae_is_two_players_each_with_the_gradient_of_its_own_bound() -> None:
    plan = plan_of(
        "vae/piwae-digits", "data.batch_size=4", "encoder.hidden=[6]", "decoder.hidden=[6]", "prior.dim=3"
    )
    assert plan.routing == {
        "generative": {"whole_bound": ("decoder",)},
        "inference": {"mean_bound": ("encoder", "posterior")},
    }
    stepper, batch = stepper_of(plan), batch_of(plan, 4)
    stepper.step(0, batch)
    history = stepper.take_history()
    assert {"whole_bound", "mean_bound", "mean_bound/bound"} <= set(history)


@pytest.mark.parametrize("loss", ["iwae", "dreg", "stl"])
def test_a_step_of_fifty_samples_holds_four_times_its_logits(loss: str) -> None:
    """Forward and backward hold the logits (k, batch, pixels), their gradient, and a softplus of one: a loss
    that spread x or the weights out over samples and pixels would hold more. Counted by the allocator, not timed."""
    shapes = (
        "data.batch_size=20",
        "encoder.hidden=[40]",
        "decoder.hidden=[40]",
        "prior.dim=10",
        "wires.k=50",
    )
    plan = plan_of("vae/iwae-digits", *shapes, f"loss={loss}")
    stepper, batch = stepper_of(plan), batch_of(plan, 20)
    stepper.step(0, batch)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        stepper.step(1, batch)
    events = [e for e in watched.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore[union-attr]
    held = torch.tensor([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())]).cumsum(0)
    assert 2 < float(held.max()) / (50 * 20 * 784 * 4) < 4.6


def test_the_rate_is_drawn_to_the_capacity_as_a_mean_over_the_batch() -> None:
    torch.manual_seed(0)
    x = torch.rand(4, 6)
    q_z = DiagonalGaussian(torch.randn(4, 3), torch.full((4, 3), 0.5))
    p_z = DiagonalGaussian(torch.zeros(3), torch.ones(3), standard=True)
    z = q_z.rsample([2])
    p_x = DiagonalGaussian(torch.randn(2, 4, 6), torch.ones(()))
    kl, distortion = kl_divergence(q_z, p_z), -p_x.log_prob(x).mean(0)
    for nats in (0.0, float(kl.mean()), 50.0):
        total = capacity(x, q_z, z, p_z, p_x, capacity=nats, gamma=3.0).total
        torch.testing.assert_close(total, distortion + 3 * (kl.mean() - nats).abs())
    assert kl.min() < kl.mean() < kl.max(), "each example against C would be another number"
    torch.testing.assert_close(elbo(x, q_z, z, p_z, p_x).total, distortion + kl)
