"""Adversarial losses and the gradient penalty against closed forms and finite differences."""

from __future__ import annotations

import pytest
import torch
from genframe_plugins.gan.losses.hinge import Hinge
from genframe_plugins.gan.losses.nonsaturating import Nonsaturating
from genframe_plugins.gan.losses.r1 import r1
from genframe_plugins.nets.critics import ConvDiscriminator, MLPDiscriminator, PatchDiscriminator
from torch import Tensor

from genframe import Verdict


def test_nonsaturating_is_the_cross_entropy() -> None:
    real, fake = torch.randn(6).double(), torch.randn(6).double()
    loss = Nonsaturating()
    expected = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
    torch.testing.assert_close(loss.critic(Verdict(real), Verdict(fake)).total, expected)
    torch.testing.assert_close(loss.generator(Verdict(fake)), -fake.sigmoid().log().mean())


def test_nonsaturating_teaches_at_scores_where_the_sigmoid_has_saturated() -> None:
    score = torch.tensor([-200.0], requires_grad=True)
    value = Nonsaturating().generator(Verdict(score))
    assert value.item() == 200
    (gradient,) = torch.autograd.grad(value, score)
    assert float(gradient) == -1
    critic = Nonsaturating().critic(Verdict(torch.tensor([-200.0])), Verdict(torch.tensor([150.0])))
    assert float(critic.total) == 350


def test_hinge_stops_at_its_margins() -> None:
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, -0.5, 1.0])
    assert float(Hinge().critic(Verdict(real), Verdict(fake)).total) == pytest.approx(
        (0 + 0.5 + 2 + 0 + 0.5 + 2) / 3
    )
    assert float(Hinge().generator(Verdict(fake))) == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("loss", [Nonsaturating(), Hinge()])
def test_maps_and_unequal_batches_are_averaged_each(loss: Nonsaturating | Hinge) -> None:
    real, fake = Verdict(torch.randn(4, 3, 2)), Verdict(torch.randn(6, 3, 2))
    flat = loss.critic(Verdict(real.score.flatten()), Verdict(fake.score.flatten()))
    terms = loss.critic(real, fake)
    torch.testing.assert_close(terms.total, flat.total)
    torch.testing.assert_close(terms.logged["real_score"], real.score.mean())
    torch.testing.assert_close(terms.logged["fake_score"], fake.score.mean())


def test_r1_of_a_quadratic_critic_is_its_analytic_gradient() -> None:
    """D(x) = x^T A x / 2 with a symmetric A has the gradient A x."""
    a = torch.randn(6, 6).double()
    a = a + a.T
    x = torch.randn(5, 2, 3).double()
    penalty = r1(x, lambda v: Verdict(0.5 * ((v.flatten(1) @ a) * v.flatten(1)).sum(1)), gamma=3.0)
    torch.testing.assert_close(penalty, 1.5 * (x.flatten(1) @ a).square().sum(1))


@pytest.mark.parametrize(
    "net", [MLPDiscriminator((1, 8, 8)), ConvDiscriminator((1, 8, 8)), PatchDiscriminator((1, 8, 8))]
)
def test_r1_agrees_with_finite_differences(
    net: MLPDiscriminator | ConvDiscriminator | PatchDiscriminator,
) -> None:
    net = net.double()
    x, step = torch.rand(2, 1, 8, 8).double(), 1e-6
    directions = torch.eye(64).double().view(64, 1, 1, 8, 8)

    def score(v: Tensor) -> Tensor:
        """The score, or the sum of the map of scores, of each picture: (directions * batch,)."""
        return net(v.flatten(0, 1)).score.detach().reshape(len(directions) * len(x), -1).sum(1)

    difference = (score(x + step * directions) - score(x - step * directions)) / (2 * step)
    expected = 5 * difference.view(64, 2).square().sum(0)
    torch.testing.assert_close(r1(x, net).detach(), expected, rtol=1e-4, atol=1e-8)


def test_r1_is_of_each_example_and_teaches_the_critic_alone() -> None:
    net = MLPDiscriminator((3,))
    x = torch.randn(4, 3, requires_grad=True)
    penalty = r1(x, net)
    torch.testing.assert_close(penalty[:2], r1(x[:2], net))
    penalty.mean().backward()
    assert x.grad is None
    assert net.net[0].weight.grad is not None and net.net[0].weight.grad.abs().sum() > 0


def test_r1_works_where_gradients_are_off() -> None:
    net = MLPDiscriminator((3,))
    x = torch.randn(4, 3)
    with torch.no_grad():
        torch.testing.assert_close(r1(x, net), r1(x, net).detach())
