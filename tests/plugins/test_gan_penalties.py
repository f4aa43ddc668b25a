"""Penalties on a critic's slope: against loops over examples, finite differences, and the public mistakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from genframe_plugins.gan.losses.dragan import dragan
from genframe_plugins.gan.losses.gradient_penalty import gradient_penalty
from genframe_plugins.gan.losses.jensen_shannon import jensen_shannon
from genframe_plugins.gan.losses.mmd_gan import MMDGAN
from genframe_plugins.gan.losses.r1 import r1, r2
from genframe_plugins.gan.losses.slopes import slope, steepness
from genframe_plugins.nets.critics import MLPDiscriminator, PatchDiscriminator
from genframe_plugins.vae.losses.mmd import mmd
from torch import Tensor, nn

from genframe import Terms, Verdict

Critic = Callable[[Tensor], Verdict]


class Smooth(nn.Module):
    """A small critic with tanh, in float64: its derivatives of any order are there and not zero."""

    def __init__(self, features: int = 3) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.net = nn.Sequential(nn.Linear(features, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh()).double()
            self.last = nn.Linear(4, 1).double()

    def forward(self, x: Tensor) -> Verdict:
        seen = self.net(x.flatten(1))
        return Verdict(self.last(seen).squeeze(1), seen)


def batches(count: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return tuple(torch.randn(count, 3, generator=generator, dtype=torch.float64) for _ in range(2))  # type: ignore[return-value]


def norm_at(critic: Critic, point: Tensor) -> Tensor:
    """The norm of the gradient at one point (1, ...), by autograd, with a graph."""
    point = point.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(point).score.sum(), point, create_graph=True)
    return gradient.square().sum().sqrt()


def total(value: Tensor | Terms) -> Tensor:
    return (value.total if isinstance(value, Terms) else value).mean()


def points_of(x: Tensor, fake: Tensor, seed: int = 1) -> Tensor:
    """The points that `gradient-penalty` takes after this seed."""
    torch.manual_seed(seed)
    share = torch.rand(len(x))
    return torch.stack([share[i] * x[i] + (1 - share[i]) * fake[i] for i in range(len(x))])


class TestGradientPenalty:
    @pytest.mark.parametrize("target", [1.0, 0.0])
    def test_it_is_equation_3_of_each_pair(self, target: float) -> None:
        critic, (x, fake) = Smooth(), batches()
        points = points_of(x, fake)
        expected = torch.stack([(norm_at(critic, p[None]) - target) ** 2 for p in points])
        torch.manual_seed(1)
        torch.testing.assert_close(gradient_penalty(x, fake, critic, target=target), expected)

    def test_one_side_costs_nothing_below_the_target(self) -> None:
        x = torch.randn(4, 3).double()
        flat = gradient_penalty(x, -x, lambda v: Verdict(0.5 * v.sum(1) / 3**0.5), one_sided=True)
        steep = gradient_penalty(x, -x, lambda v: Verdict(3 * v.sum(1) / 3**0.5), one_sided=True)
        torch.testing.assert_close(flat, torch.zeros(4).double())
        torch.testing.assert_close(steep, torch.full((4,), 4.0).double())

    def test_each_pair_has_a_point_of_its_own(self) -> None:
        """The public mistake is one share for the whole batch."""
        seen: list[Tensor] = []

        def critic(v: Tensor) -> Verdict:
            seen.append(v.detach())
            return Verdict(v.square().sum(1))

        gradient_penalty(torch.zeros(50, 3), torch.ones(50, 3), critic)
        (points,) = seen
        assert len(points[:, 0].unique()) == 50
        assert torch.equal(points[:, 0], points[:, 2]), "one share for all values of an example"
        assert 0 <= float(points.min()) < 0.2 and 0.8 < float(points.max()) <= 1

    def test_the_norm_is_of_each_example(self) -> None:
        """The public mistake is one norm over the batch: of unit slopes everywhere it would be sqrt(batch)."""
        x = torch.randn(16, 3)
        penalty = gradient_penalty(x, -x, lambda v: Verdict(v.sum(1) / 3**0.5))
        torch.testing.assert_close(penalty, torch.zeros(16), atol=1e-5, rtol=0)

    def test_a_flat_critic_has_a_finite_gradient(self) -> None:
        """The public mistake is a root whose derivative at 0 is infinite."""
        weight = torch.zeros(3, requires_grad=True)
        x = torch.randn(4, 3)
        penalty = gradient_penalty(x, -x, lambda v: Verdict(v @ weight)).mean()
        (gradient,) = torch.autograd.grad(penalty, weight)
        assert float(penalty.detach()) == pytest.approx(1, abs=1e-4)
        assert bool(gradient.isfinite().all())

    def test_two_shapes_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"one shape, not \(4, 3\) and \(5, 3\)"):
            gradient_penalty(torch.zeros(4, 3), torch.zeros(5, 3), Smooth())


class TestZeroCentred:
    def test_r1_and_r2_are_half_gamma_times_the_square_of_each(self) -> None:
        """The published code leaves out the half: its 10 is a gamma of 20."""
        critic, (x, fake) = Smooth(), batches()
        for penalty, points in ((r1, x), (r2, fake)):
            expected = torch.stack([5 * norm_at(critic, p[None]) ** 2 for p in points])
            torch.testing.assert_close(penalty(points, critic), expected)

    def test_a_map_counts_as_its_sum(self) -> None:
        net = PatchDiscriminator((1, 8, 8), width=2).double()
        x = torch.rand(3, 1, 8, 8).double()
        expected = torch.stack([5 * norm_at(net, p[None]) ** 2 for p in x])
        torch.testing.assert_close(r2(x, net), expected)
        assert slope(net, x)[0].shape == (3,)

    @pytest.mark.parametrize(
        "critic", [lambda v: Verdict(torch.zeros(4)), lambda v: Verdict(WEIGHT.expand(4))]
    )
    def test_a_score_that_does_not_depend_on_the_points_is_told(self, critic: Critic) -> None:
        with pytest.raises(ValueError, match="does not depend on the points"):
            r1(torch.zeros(4, 3), critic)


WEIGHT = nn.Parameter(torch.ones(1))


class TestDragan:
    def test_it_is_the_slope_near_the_data(self) -> None:
        critic, (x, _) = Smooth(), batches()
        torch.manual_seed(1)
        points = x + 0.7 * x.std() * torch.randn_like(x)
        expected = torch.stack([(norm_at(critic, p[None]) - 1) ** 2 for p in points])
        torch.manual_seed(1)
        torch.testing.assert_close(dragan(x, critic, noise=0.7), expected)

    def test_its_noise_is_gaussian_and_of_each_value(self) -> None:
        """Deviations within 5 standard errors: a false alarm in two million; the seed is fixed."""
        torch.manual_seed(2)
        x, seen = 3 * torch.randn(2000, 5), []

        def critic(v: Tensor) -> Verdict:
            seen.append(v.detach())
            return Verdict(v.sum(1))

        dragan(x, critic)
        noise = (seen[0] - x) / x.std()
        assert abs(float(noise.mean())) < 5 * 0.5 / 100
        assert float(noise.std()) == pytest.approx(0.5, abs=5 * 0.5 / (2 * 10_000) ** 0.5)


class TestJensenShannon:
    def test_it_is_the_papers_formula(self) -> None:
        critic, (x, fake) = Smooth(), batches()
        on_real = [(1 - critic(p[None]).score.sigmoid()) ** 2 * norm_at(critic, p[None]) ** 2 for p in x]
        on_fake = [critic(p[None]).score.sigmoid() ** 2 * norm_at(critic, p[None]) ** 2 for p in fake]
        expected = 1.5 * (torch.stack(on_real).mean() + torch.stack(on_fake).mean())
        found = jensen_shannon(x, fake, critic, gamma=3.0)
        torch.testing.assert_close(found.total, expected)
        torch.testing.assert_close(found.logged["real"] + found.logged["fake"], expected.detach())

    def test_the_gradient_is_of_the_logit(self) -> None:
        """The public mistake takes that of the probability, which is 0 where the critic is sure: no penalty."""
        x = torch.full((2, 1), -40.0)  # real data that the critic takes for fakes
        found = jensen_shannon(x, x, lambda v: Verdict(v.sum(1)), gamma=2.0)
        assert float(found.total.detach()) == pytest.approx(1.0)

    def test_it_is_noise_to_the_first_order(self) -> None:
        """Noise of variance gamma costs half gamma times the Laplacian of the loss.

        Of a linear score D = w.x that is gamma/2 s(1 - s)|w|^2 on either side, with s = s(D). Roth's form has (1 - s)^2
        and s^2 in its place, which is the same in the mean where the critic is at its best, s = p / (p + p_G).
        """
        w = torch.tensor([0.8, -0.5]).double()
        points = torch.randn(60, 2).double()
        s = (points @ w).sigmoid()
        # Under the critic's best, E_p f + E_G g = E_mixture [s f + (1 - s) g]: each point stands for both sides.
        roth = s * (1 - s) ** 2 + (1 - s) * s**2
        laplace = s * (s * (1 - s)) + (1 - s) * (s * (1 - s))
        torch.testing.assert_close(roth, laplace)
        found = [jensen_shannon(p[None], p[None], lambda v: Verdict(v @ w), gamma=1.0).logged for p in points]
        weighed = torch.stack([s[i] * f["real"] + (1 - s[i]) * f["fake"] for i, f in enumerate(found)])
        torch.testing.assert_close(weighed, 0.5 * laplace * w.square().sum())


PENALTIES: dict[str, Callable[[Critic, Tensor, Tensor], Tensor | Terms]] = {
    "r1": lambda critic, x, fake: r1(x, critic),
    "r2": lambda critic, x, fake: r2(fake, critic),
    "gradient-penalty": lambda critic, x, fake: gradient_penalty(x, fake, critic),
    "dragan": lambda critic, x, fake: dragan(x, critic),
    "jensen-shannon": lambda critic, x, fake: jensen_shannon(x, fake, critic),
    "witness": lambda critic, x, fake: gradient_penalty(x, fake, witness(critic, x, fake)),
}


def witness(critic: Critic, x: Tensor, fake: Tensor, kernel: str = "rational-quadratic") -> Critic:
    """What the penalty of an MMD critic is of."""
    loss = MMDGAN(discrepancy=lambda one, other: mmd(one, other, kernel=kernel))  # type: ignore[arg-type]
    return lambda v: loss.witness(critic(v), critic(x), critic(fake))


@pytest.mark.parametrize("name", PENALTIES)
def test_what_the_critic_learns_is_the_derivative_of_the_penalty(name: str) -> None:
    """Second derivatives: the gradient in the critic's weights against central differences, in float64."""
    net, (x, fake) = Smooth(), batches()

    def value() -> Tensor:
        torch.manual_seed(4)
        return total(PENALTIES[name](net, x, fake))

    gradients = torch.autograd.grad(value(), list(net.parameters()), allow_unused=True)
    assert any(g is not None and float(g.abs().max()) > 1e-3 for g in gradients)
    step = 1e-6
    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
        flat = parameter.data.view(-1)
        for place in range(0, len(flat), 2):
            kept = float(flat[place])
            sides = []
            for side in (step, -step):
                flat[place] = kept + side
                sides.append(float(value().detach()))
            flat[place] = kept
            expected = (sides[0] - sides[1]) / (2 * step)
            found = 0.0 if gradient is None else float(gradient.flatten()[place])
            assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kernel", ["gaussian", "energy", "dot"])
def test_the_penalty_of_a_witness_has_second_derivatives_under_every_kernel(kernel: str) -> None:
    net, (x, fake) = Smooth(), batches()
    penalty = gradient_penalty(x, fake, witness(net, x, fake, kernel)).mean()
    gradients = torch.autograd.grad(penalty, list(net.net.parameters()))
    assert all(bool(g.isfinite().all()) for g in gradients)
    assert any(bool(g.any()) for g in gradients)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_teaches_the_critic_alone(name: str) -> None:
    net, (x, fake) = Smooth(), batches()
    x.requires_grad_()
    fake.requires_grad_()
    if name == "witness":
        return  # the laws that it is a difference of are wires of the recipe, and so are their gradients
    total(PENALTIES[name](net, x, fake)).backward()
    assert x.grad is None and fake.grad is None
    assert all(p.grad is not None for p in net.net.parameters())


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_has_the_same_value_where_gradients_are_off(name: str) -> None:
    net, (x, fake) = Smooth(), batches()
    torch.manual_seed(4)
    expected = total(PENALTIES[name](net, x, fake)).detach()
    torch.manual_seed(4)
    with torch.no_grad():
        torch.testing.assert_close(total(PENALTIES[name](net, x, fake)), expected)


def test_a_conditional_critic_is_penalised_with_its_condition() -> None:
    net = MLPDiscriminator(((3,), (2,)), hidden=(6,))
    x, condition = torch.randn(4, 3), torch.randn(4, 2)
    penalty = steepness(lambda v: net(v, condition), x, 1.0)
    for i in range(4):
        one = steepness(lambda v, i=i: net(v, condition[i : i + 1]), x[i : i + 1], 1.0)  # type: ignore[misc]
        torch.testing.assert_close(penalty[i : i + 1], one)
