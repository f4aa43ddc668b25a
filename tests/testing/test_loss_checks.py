"""The checks of losses pass what is right in the literature, and name what is wrong in hand-made ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from genframe import DiagonalGaussian, Levels, Schedulable, Terms, Verdict

from .good_losses import GOOD
from .made import failures, results, told

MODULES = ("losses", "better_models")


@pytest.mark.parametrize("loss", GOOD, ids=lambda loss: loss.__name__)
def test_a_loss_of_the_literature_passes(loss: Any) -> None:
    made = results("loss", loss, MODULES)
    wrong = {name: result.message for name, result in made.items() if result.outcome == "failed"}
    assert not wrong, told(wrong)
    assert made["is_a_loss"].outcome == "passed"


def iwae_without_log_k(
    x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution
) -> Tensor:
    weights = p_x.log_prob(x) + p_z.log_prob(z) - q_z.log_prob(z)
    return -weights.reshape(-1, len(x)).logsumexp(0)


def iwae_of_samples(x: Tensor, q_z: Distribution, z: Tensor, p_z: Distribution, p_x: Distribution) -> Tensor:
    return q_z.log_prob(z) - p_x.log_prob(x) - p_z.log_prob(z)


def undeclared_dreg(
    x: Tensor, q_z: DiagonalGaussian, z: Tensor, p_z: Distribution, p_x: Distribution
) -> Tensor:
    stopped = DiagonalGaussian(q_z.mean.detach(), q_z.stddev.detach())
    return stopped.log_prob(z) - p_x.log_prob(x) - p_z.log_prob(z)


def rate_upside_down(q_z: Distribution, p_z: Distribution) -> Tensor:
    return -kl_divergence(q_z, p_z)


def summed_over_pairs(z: Tensor, p_z: Distribution) -> Tensor:
    return (1 + torch.cdist(z, z)).square().sum() + 0 * p_z.mean.sum()


def drawn_and_summed(z: Tensor, p_z: Distribution) -> Tensor:
    return ((z - p_z.sample([len(z)])).square() + 1).sum()


def likelihood_upside_down(x: Tensor, p_x: Distribution) -> Tensor:
    return p_x.log_prob(x)


def first_example(x: Tensor, p_x: Distribution) -> Tensor:
    return -p_x.log_prob(x)[0]


def labels_upside_down(y: Tensor, p_y: Distribution) -> Tensor:
    return p_y.log_prob(y)


def wrong_pairs(code: Tensor, q_code: Distribution) -> Tensor:
    return -q_code.log_prob(code.roll(1, 0))


def shared_draw(x: Tensor, fake: Tensor) -> Tensor:
    weights = (1 + torch.rand(len(x), *[1] * (x.ndim - 1))) * torch.tensor(
        [4.0, *[0.0] * (len(x) - 1)]
    ).reshape(-1, *[1] * (x.ndim - 1))
    return (weights * (x - fake)).square().mean()


def penalty_without_graph(x: Tensor, discriminator: Any) -> Tensor:
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).score.sum(), x)
    return gradient.flatten(1).square().sum(1)


def penalty_that_needs_gradients(x: Tensor, discriminator: Any) -> Tensor:
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).score.sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def penalty_upside_down(x: Tensor, discriminator: Any) -> Tensor:
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(discriminator(x).score.sum(), x, create_graph=True)
    return -(gradient.flatten(1).norm(dim=1) - 1).square()


def root_at_zero(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().flatten(1).sum(1).sqrt() + (a - a).square().sum().sqrt()


def no_absolute_value(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).flatten(1).mean(1)


def pictures_of_losses(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square()


def a_count(a: Tensor, b: Tensor) -> Tensor:
    return (a > b).sum()


def a_list(a: Tensor, b: Tensor) -> list[Tensor]:
    return [(a - b).square().mean()]


def logs_pictures(a: Tensor, b: Tensor) -> Terms:
    return Terms((a - b).square().mean(), {"squares": (a - b).square()})


class HalfCritic:
    def critic(self, real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
        return F.softplus(-real_verdict.score).mean() + F.softplus(fake_verdict.score.detach()).mean()


class FakesForReal:
    def critic(self, real: Verdict, fake: Verdict) -> Tensor:
        return real.score.mean() - fake.score.mean()


class TimidGenerator:
    def generator(self, fake_verdict: Verdict) -> Tensor:
        return F.softplus(fake_verdict.score).mean()


def same_side_twice(real_verdict: Verdict, fake_verdict: Verdict) -> Tensor:
    return F.softplus(-real_verdict.score) + F.softplus(-fake_verdict.score)


class Hoarder:
    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, x: Tensor, p_x: Distribution) -> Tensor:
        self.seen.append(-p_x.log_prob(x))
        return self.seen[-1]


def idle_option(x: Tensor, p_x: Distribution, *, weight: Schedulable = 1.0) -> Tensor:
    return -p_x.log_prob(x)


def reversed_gradient(x: Tensor, p_x: Distribution) -> Tensor:
    loss = -p_x.log_prob(x)
    return 2 * loss.detach() - loss


def levels_by_number(x: Tensor, x_noised: Tensor, x_level: Levels) -> Tensor:
    return ((x - x_noised) / x_level.level[0]).square().mean() + 0 * x_level.table.sum()


BAD: list[tuple[Callable[..., Any], str, str]] = [
    (iwae_without_log_k, "reduces_over_samples", "subtract log(samples)"),
    (iwae_of_samples, "reduces_over_samples", "it reduces over the samples"),
    (undeclared_dreg, "is_differentiable", "Terms(..., surrogate=True)"),
    (rate_upside_down, "lower_for_a_better_model", "20 standard deviations away"),
    (summed_over_pairs, "each_example_counts_once", "summed over pairs"),
    (drawn_and_summed, "each_example_counts_once", "summed over the batch"),
    (likelihood_upside_down, "lower_for_a_better_model", "gives x a higher probability"),
    (first_example, "invariant_to_batch_order", "permuted alike"),
    (labels_upside_down, "lower_for_a_better_model", "gives y a higher probability"),
    (wrong_pairs, "invariant_to_batch_order", "paired with another row"),
    (shared_draw, "invariant_to_batch_order", "over 32 seeds"),
    (penalty_without_graph, "is_differentiable", "create_graph=True"),
    (penalty_that_needs_gradients, "value_needs_no_gradient", "torch.enable_grad()"),
    (penalty_upside_down, "lower_for_a_better_model", "flat than for one that is steep"),
    (root_at_zero, "is_differentiable", "NaN or infinity"),
    (no_absolute_value, "lower_for_a_better_model", "missing abs() or square()"),
    (pictures_of_losses, "is_a_loss", "shape () or (batch,)"),
    (a_count, "is_a_loss", "torch.int64"),
    (a_list, "is_a_loss", "a list"),
    (logs_pictures, "is_a_loss", "logged['squares']"),
    (HalfCritic, "is_differentiable", "a critic learns from both verdicts"),
    (FakesForReal, "lower_for_a_better_model", "real data score above fakes"),
    (TimidGenerator, "lower_for_a_better_model", "takes fakes for real"),
    (same_side_twice, "lower_for_a_better_model", "opposite directions"),
    (Hoarder, "keeps_no_graph", "still alive"),
    (idle_option, "schedulable_options_change_it", "the option 'weight'"),
    (reversed_gradient, "is_differentiable", "a wrong sign, or a reversed gradient"),
    (levels_by_number, "invariant_to_batch_order", "a row singled out"),
]


@pytest.mark.parametrize(("loss", "check", "says"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_loss_is_named(loss: Any, check: str, says: str) -> None:
    found = failures("loss", loss, MODULES)
    assert check in found, told(found)
    assert says in found[check], found[check]
