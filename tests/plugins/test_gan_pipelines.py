"""The pipelines wgan and r3gan, and games put together from wires, against the same step written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from tiny import ROWS, batch_of, plan_of, stepper_of
from torch import Tensor

from genframe.engine.step import Stepper

BASE: dict[str, Any] = {
    "genframe": 1,
    "data": {"use": "ring", "n": 200, "batch_size": ROWS},
    "prior": {"use": "gaussian", "dim": 2},
    "decoder": {"use": "mlp", "hidden": [8]},
    "likelihood": "gaussian",
    "discriminator": {"use": "mlp", "hidden": [8]},
    "train": {"steps": 10},
}


def game(pipeline: str = "gan", *overrides: str, **more: Any) -> Stepper:
    """A tiny game on the ring, ready to run."""
    return stepper_of(plan_of({**BASE, "pipeline": pipeline, **more}, *overrides))


def gradients_of(stepper: Stepper, step: int = 0) -> dict[str, list[Tensor]]:
    """What each player's parameters would move by in a step; nothing moves. To be called before the twin computes."""
    seen: dict[str, list[Tensor]] = {}
    for side in stepper.sides:

        def observe(side: Any = side) -> None:
            seen[side.name] = [
                torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in side.tensors
            ]

        side.optimizer.step = observe  # type: ignore[method-assign]
    stepper.step(step, batch_of(stepper.plan))
    return seen


class Twin:
    """The nets of a game, and its fakes of a step."""

    def __init__(self, stepper: Stepper, step: int = 0) -> None:
        self.stepper, self.step = stepper, step
        self.parts = stepper.plan.parts
        for module in self.parts.modules().values():
            module.requires_grad_(True)
        self.critic: Callable[[Tensor], Any] = self.parts["discriminator"]
        self.x = batch_of(stepper.plan)["x"]
        self.draws("fake")
        self.fake = self.parts["decoder"](torch.randn(ROWS, 2))

    def draws(self, wire: str) -> None:
        self.stepper.draws.seed_step(self.stepper.draws.base(wire), self.step)

    def norms(self, points: Tensor) -> Tensor:
        """The critic's slope at each point, one after the other: (batch,)."""
        return torch.stack([self._norm(point[None]) for point in points])

    def _norm(self, point: Tensor) -> Tensor:
        point = point.detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(point).score.sum(), point, create_graph=True)
        return slope.square().sum().sqrt()

    def gradient(self, loss: Tensor, name: str) -> list[Tensor]:
        parameters = list(self.parts[name].parameters())
        found = torch.autograd.grad(loss, parameters, allow_unused=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def require_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_r3gan_is_pairs_and_two_penalties() -> None:
    stepper = game("r3gan", "losses.flat_at_data.gamma=0.3", "losses.flat_at_fakes.gamma=0.7")
    found, twin = gradients_of(stepper), Twin(stepper)
    fake = twin.fake.detach()
    critic = F.softplus(twin.critic(fake).score - twin.critic(twin.x).score).mean()
    critic = critic + 0.15 * twin.norms(twin.x).square().mean() + 0.35 * twin.norms(fake).square().mean()
    require_same(found["critic"], twin.gradient(critic, "discriminator"))
    generator = F.softplus(twin.critic(twin.x).score - twin.critic(twin.fake).score).mean()
    require_same(found["generator"], twin.gradient(generator, "decoder"))


def test_wgan_is_a_difference_of_means_and_a_penalty_between() -> None:
    stepper = game("wgan", "players.generator.start=0")
    found, twin = gradients_of(stepper), Twin(stepper)
    fake = twin.fake.detach()
    twin.draws("lipschitz")
    share = torch.rand(ROWS)[:, None]
    critic = twin.critic(fake).score.mean() - twin.critic(twin.x).score.mean()
    critic = critic + 10 * (twin.norms(share * twin.x + (1 - share) * fake) - 1).square().mean()
    require_same(found["critic"], twin.gradient(critic, "discriminator"))
    require_same(found["generator"], twin.gradient(-twin.critic(twin.fake).score.mean(), "decoder"))


def test_the_generator_of_wgan_moves_after_the_critics_fifth_move_and_each_fifth() -> None:
    stepper = game("wgan")
    generator = next(side for side in stepper.sides if side.name == "generator")
    assert [step for step in range(16) if generator.terms(step)] == [4, 9, 14]


def test_a_lazy_penalty_is_the_same_on_the_average() -> None:
    """Every fourth step, times four: StyleGAN2's lazy regularisation, in the step that both losses share."""
    always = gradients_of(game("r3gan"))["critic"]
    lazy = game("r3gan", "players.critic.minimises.penalty.every=4")
    on, off = gradients_of(lazy, 0)["critic"], gradients_of(game("r3gan", *NEVER))["critic"]
    require_same(
        [(a - b) / 4 for a, b in zip(on, off, strict=True)], [a - b for a, b in zip(always, off, strict=True)]
    )


NEVER = ("players.critic.minimises.penalty=0",)


def test_the_first_wasserstein_gan_bounds_the_weights() -> None:
    stepper = game("wgan", "players.critic.minimises.lipschitz=null", "players.critic.clamp=0.01")
    batch = batch_of(stepper.plan)
    for step in range(2):
        stepper.step(step, batch)
    assert all(
        float(p.detach().abs().max()) <= 0.01 for p in stepper.plan.parts["discriminator"].parameters()
    )


def test_consistency_is_the_squared_change_of_a_score() -> None:
    """CR-GAN (Zhang et al. 2020) and bCR (Zhao et al. 2021) are `mse` of scores."""
    wires = {
        "moved(v)": "noise.noised(v)",
        "at_data": "mse(real_verdict.score, discriminator(moved(x)).score)",
        "at_fakes": "mse(fake_verdict.score, discriminator(moved(fake)).score)",
    }
    terms = {"critic": {"minimises": {"at_data": 10, "at_fakes": 5}}}
    stepper = game(noise={"use": "gaussian", "std": 0.3}, wires=wires, players=terms)
    found, twin = gradients_of(stepper), Twin(stepper)
    loss = (
        F.softplus(-twin.critic(twin.x).score).mean()
        + F.softplus(twin.critic(twin.fake.detach()).score).mean()
    )
    for points, wire, weight in ((twin.x, "at_data", 10), (twin.fake.detach(), "at_fakes", 5)):
        twin.draws(wire)
        moved = points + 0.3 * torch.randn_like(points)
        changes = [
            (twin.critic(a[None]).score - twin.critic(b[None]).score) ** 2
            for a, b in zip(points, moved, strict=True)
        ]
        loss = loss + weight * torch.cat(changes).mean()
    require_same(found["critic"], twin.gradient(loss, "discriminator"))


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """The rational quadratic kernel of two sets, by their differences: (n, m)."""
    squares = (a[:, None] - b[None]).square().sum(2)
    return torch.stack([(1 + squares / (2 * s)) ** -s for s in (0.2, 0.5, 1, 2, 5)]).sum(0)


def test_an_mmd_critic_and_the_penalty_of_its_witness_play() -> None:
    """Binkowski et al. 2018: the critic raises the discrepancy of its features, under a penalty on the witness."""
    mmd = {"use": "mmd", "kernel": "rational-quadratic"}
    stepper = game(
        loss={"use": "mmd-gan", "discrepancy": mmd},
        wires={
            "witness(v)": "loss.witness(discriminator(v))",
            "lipschitz": "gradient_penalty(x, fake, witness)",
        },
        players={"critic": {"minimises": {"lipschitz": 1}}},
        discriminator={"use": "mlp", "hidden": [4]},
    )
    found, twin = gradients_of(stepper), Twin(stepper)

    def discrepancy(a: Tensor, b: Tensor) -> Tensor:
        others = 1 - torch.eye(ROWS)
        within = [(kernel(s, s) * others).sum() / (ROWS * (ROWS - 1)) for s in (a, b)]
        return within[0] + within[1] - 2 * kernel(a, b).mean()

    fake = twin.fake.detach()
    seen, faked = twin.critic(twin.x).features, twin.critic(fake).features
    twin.draws("lipschitz")
    share = torch.rand(ROWS)[:, None]
    penalty = torch.zeros(())
    for point in share * twin.x + (1 - share) * fake:
        point = point.detach()[None].requires_grad_()
        t = twin.critic(point).features
        witness = kernel(t, seen).mean() - kernel(t, faked).mean()
        (slope,) = torch.autograd.grad(witness, point, create_graph=True)
        penalty = penalty + (slope.norm() - 1).square() / ROWS
    require_same(found["critic"], twin.gradient(penalty - discrepancy(seen, faked), "discriminator"))
    generator = discrepancy(seen.detach(), twin.critic(twin.fake).features)
    require_same(found["generator"], twin.gradient(generator, "decoder"))


def test_two_critics_are_two_discriminators() -> None:
    more: Mapping[str, Any] = {
        "discriminator": None,
        "discriminators": {
            "discriminator": {"use": "mlp", "hidden": [8]},
            "second": {"use": "mlp", "hidden": [8]},
        },
        "loss": {"use": "d2gan", "alpha": 0.3, "beta": 0.7},
        "wires": {
            "real_reverse": "second(x)",
            "fake_reverse": "second(fake)",
            "reverse_loss": "loss.reverse()",
            "generator_loss": "loss.generator(fake_verdict, fake_reverse)",
        },
        "players": {"critic": {"trains": ["discriminator", "second"], "minimises": {"reverse_loss": 1}}},
    }
    stepper = game(**more)
    routing = stepper.plan.routing
    assert routing == {
        "critic": {"critic_loss": ("discriminator",), "reverse_loss": ("second",)},
        "generator": {"generator_loss": ("decoder",)},
    }
    found, twin = gradients_of(stepper), Twin(stepper)
    d1, d2 = (F.softplus(twin.parts[name](twin.fake).score) for name in ("discriminator", "second"))
    require_same(found["generator"], twin.gradient((0.7 * d2.log() - d1).mean(), "decoder"))
