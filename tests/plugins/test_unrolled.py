"""The unrolled critic against its steps written out, and the best-judged fakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from genframe_plugins.gan.functions.top_k import top_k
from genframe_plugins.gan.functions.unrolled import unrolled
from tiny import batch_of, numbers, plan_of, small, stepper_of
from torch import Tensor, nn

from genframe import Verdict


class Critic(nn.Module):
    """Two layers in float64, with a counter that moves when it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 3, dtype=torch.float64), nn.Linear(3, 1, dtype=torch.float64)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Verdict:
        self.calls += 1
        return Verdict(self.last(torch.tanh(self.first(x))).squeeze(1))


@pytest.fixture
def setting() -> tuple[Critic, Tensor, Tensor, Any]:
    torch.manual_seed(3)
    critic = Critic()
    x, fake = torch.randn(6, 2, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)

    def tell(v: Tensor) -> Tensor:
        return F.softplus(-critic(x).score).mean() + F.softplus(critic(v).score).mean()

    return critic, x, fake, tell


def by_hand(critic: Critic, x: Tensor, fake: Tensor, steps: int, lr: float) -> Tensor:
    """The score of the fakes, every step of the critic written out in its four tensors."""
    w, b, v, c = (p.detach().clone().requires_grad_() for p in critic.parameters())

    def score(points: Tensor) -> Tensor:
        return (torch.tanh(points @ w.T + b) @ v.T + c).squeeze(1)

    for _ in range(steps):
        loss = F.softplus(-score(x)).mean() + F.softplus(score(fake)).mean()
        slopes = torch.autograd.grad(loss, (w, b, v, c), create_graph=True)
        w, b, v, c = (p - lr * g for p, g in zip((w, b, v, c), slopes, strict=True))
    return score(fake)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_verdict_and_its_gradient_are_those_of_the_steps_written_out(setting: Any, steps: int) -> None:
    critic, x, fake, tell = setting
    one, other = fake.clone().requires_grad_(), fake.clone().requires_grad_()
    got = unrolled(one, tell, critic, steps=steps, lr=0.5).score
    wanted = by_hand(critic, x, other, steps, 0.5)
    torch.testing.assert_close(got, wanted)
    (gradient,) = torch.autograd.grad(F.softplus(-got).mean(), one)
    (expected,) = torch.autograd.grad(F.softplus(-wanted).mean(), other)
    torch.testing.assert_close(gradient, expected)
    (short,) = torch.autograd.grad(F.softplus(-critic(other).score).mean(), other)
    assert (gradient - short).abs().max() > 1e-3, "the steps count"


def test_its_gradient_is_that_of_finite_differences(setting: Any) -> None:
    critic, _, fake, tell = setting
    function = lambda v: unrolled(v, tell, critic, steps=2, lr=0.3).score.sum()  # noqa: E731
    assert torch.autograd.gradcheck(function, (fake.clone().requires_grad_(),))


def test_the_critic_stays_as_it_is(setting: Any) -> None:
    critic, _, fake, tell = setting
    before = numbers(critic)
    with torch.no_grad():
        quiet = unrolled(fake, tell, critic, steps=2).score
    loud = unrolled(fake, tell, critic, steps=2).score
    torch.testing.assert_close(quiet, loud.detach())
    assert not quiet.requires_grad
    assert all(torch.equal(before[key], value) for key, value in critic.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_in_a_recipe_it_teaches_the_generator_alone(play: str) -> None:
    plan = plan_of(small("gan/unrolled-ring", f"play={play}"))
    assert plan.routing["generator"] == {"generator_loss": ("decoder",)}
    stepper = stepper_of(plan)
    for step in range(2):
        stepper.step(step, batch_of(plan))
    assert all(math.isfinite(v) for rows in stepper.take_history().values() for _, v in rows)


def test_the_best_judged_keep_their_gradient_and_the_rest_lose_it() -> None:
    score = torch.tensor([0.1, 2.0, -1.0, 0.5, 0.4], requires_grad=True)
    features = torch.arange(10.0).reshape(5, 2)
    best = top_k(Verdict(score, features), share=0.5)
    assert sorted(best.score.tolist()) == pytest.approx([0.4, 0.5, 2.0])  # rounded up
    assert best.features is not None
    assert sorted(best.features[:, 0].tolist()) == [2.0, 6.0, 8.0]
    best.score.sum().backward()
    assert score.grad is not None
    assert score.grad.tolist() == [0, 1, 0, 1, 1]
    whole = top_k(Verdict(score), share=1.0)
    assert sorted(whole.score.tolist()) == sorted(score.tolist())
    maps = torch.tensor([0.0, 3.0, 1.0])[:, None, None, None].expand(3, 1, 2, 2)
    assert top_k(Verdict(maps), share=0.3).score.mean().item() == 3.0
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        top_k(Verdict(score), share=0.0)


def test_a_generator_learns_from_a_scheduled_share_of_its_fakes() -> None:
    """The paper's: from all of them to half."""
    share = "{linear: {from: 1, to: 0.5, steps: 4}}"
    more = (
        f"function={{use: top-k, share: {share}}}",
        "wires.generator_loss=loss.generator(function(fake_verdict))",
    )
    plan = plan_of(small("gan/ring", *more))
    seen: list[int] = []
    loss = plan.parts["loss"]
    plain = loss.generator
    loss.generator = lambda verdict: seen.append(len(verdict.score)) or plain(verdict)
    stepper = stepper_of(plan)
    for step in range(6):
        stepper.step(step, batch_of(plan))
    assert seen == [16, 14, 12, 10, 8, 8]
