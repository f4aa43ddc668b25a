"""A gradient reaches exactly the components that the routing table shows: for every recipe that ships.

The engine measures its table with two rows in the trial run. Here the moves themselves are run, on a batch, with the
optimizers held still, and the gradients are looked at: once by who has any, and once against losses written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
import torch
import torch.nn.functional as F
from tiny import ROWS, batch_of, plan_of, shipped, small, stepper_of
from torch import Tensor, nn

from genframe.engine.side import Side
from genframe.engine.step import Stepper
from genframe.plan import Plan

TABLES: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "vae/digits": {"model": {"objective": ("encoder", "posterior", "decoder")}},
    "dae/digits": {"model": {"objective": ("encoder", "decoder")}},
    "gan/digits": {
        "critic": {"critic_loss": ("discriminator",), "penalty": ("discriminator",)},
        "generator": {"generator_loss": ("decoder",)},
    },
    "gan/restore-digits": {
        "critics": {"judge_clean": ("clean",), "judge_grainy": ("grainy",)},
        "restorer": dict.fromkeys(("look_clean", "look_grainy", "keep"), ("encoder", "decoder")),
    },
    "hybrid/vae-gan": {
        "model": {
            "objective": ("encoder", "posterior", "decoder"),
            "look_sampled": ("decoder",),
            "look_reconstructed": ("decoder",),
        },
        "critic": dict.fromkeys(("tell_sampled", "tell_reconstructed", "penalty"), ("discriminator",)),
    },
}
"""What the recipes are meant to do, by hand."""


class Watched:
    """A stepper whose optimizers stand still; `gradients` are those that a player's own parameters got last."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stepper: Stepper = stepper_of(plan)
        self.gradients: dict[str, dict[str, Tensor | None]] = {}
        for side in self.stepper.sides:
            side.optimizer.step = self._observer(side)  # type: ignore[method-assign]

    def _observer(self, side: Side) -> Callable[[], None]:
        def observe() -> None:
            self.gradients[side.name] = {
                key: None if p.grad is None else p.grad.clone() for key, p in side.parameters.items()
            }

        return observe

    def play(self, terms: Mapping[str, tuple[str, ...]], batch: Mapping[str, Tensor], step: int = 0) -> None:
        """The moves of a step in which each player adds up the given terms; others rest.

        Asserts that a move touches no `.grad` but those of what the player trains.
        """
        stepper = self.stepper
        env = {**batch, "batch_size": ROWS, "n": ROWS, "step": step}
        key = tuple(terms.get(side.name, ()) for side in stepper.sides)
        for program in stepper._program(key):
            own = {id(p) for p in program.side.tensors}
            foreign = [p for m in stepper.modules.values() for p in m.parameters() if id(p) not in own]
            marks = [torch.full_like(p, 7.0) for p in foreign]
            for parameter, mark in zip(foreign, marks, strict=True):
                parameter.grad = mark
            stepper._move(program, env, step)
            for parameter, mark in zip(foreign, marks, strict=True):
                assert parameter.grad is mark
                assert bool((mark == 7.0).all())
                parameter.grad = None

    def taught(self, player: str) -> tuple[str, ...]:
        """The components of which some parameter has a gradient, in the order of `trains`."""
        with_gradient = {key.split(".")[0] for key, g in self.gradients[player].items() if g is not None}
        side = next(side for side in self.stepper.sides if side.name == player)
        return tuple(name for name in side.trains if name in with_gradient)


def terms_of(plan: Plan) -> Iterator[tuple[str, str]]:
    for player in plan.recipe.players:
        for term in player.minimises:
            yield player.name, term.wire


@pytest.mark.parametrize("name", shipped())
def test_a_player_teaches_exactly_the_components_of_the_table(name: str) -> None:
    plan = plan_of(small(name))
    watched = Watched(plan)
    every = {p.name: tuple(term.wire for term in p.minimises) for p in plan.recipe.players}
    watched.play(every, batch_of(plan))
    for player in plan.recipe.players:
        table = {c for components in plan.routing[player.name].values() for c in components}
        assert set(watched.taught(player.name)) == table
        assert table == set(plan.trains(player)), "all that is trained is taught"
        assert all(g is not None for g in watched.gradients[player.name].values()), "to the last parameter"


@pytest.mark.parametrize("name", shipped())
def test_a_term_alone_teaches_exactly_the_components_of_its_row(name: str) -> None:
    plan = plan_of(small(name))
    batch = batch_of(plan)
    for player, term in terms_of(plan):
        watched = Watched(plan)
        watched.play({player: (term,)}, batch)
        assert watched.taught(player) == plan.routing[player][term], f"{player}.{term}"


@pytest.mark.parametrize("name", shipped())
def test_a_term_teaches_the_same_beside_the_other_players(name: str) -> None:
    plan = plan_of(small(name))
    batch = batch_of(plan)
    every = {p.name: tuple(term.wire for term in p.minimises) for p in plan.recipe.players}
    for player, term in terms_of(plan):
        watched = Watched(plan)
        watched.play({**every, player: (term,)}, batch)
        assert watched.taught(player) == plan.routing[player][term], f"{player}.{term}"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_table_is_the_one_that_the_recipe_means(name: str) -> None:
    assert plan_of(small(name)).routing == TABLES[name]


# Brute-force twins: the same step in plain torch, with every detach written out.

Losses = Mapping[str, Tensor]


def gamma_of(plan: Plan) -> float:
    """The weight of R1 that the recipe says."""
    (penalty,) = (i for i in plan.wiring.instances.values() if i.offer.name == "gan/r1")
    return float(penalty.options["gamma"])


def every_of(plan: Plan) -> int:
    """How often the penalty is added."""
    return next(t.every for p in plan.recipe.players for t in p.minimises if t.wire == "penalty")


def gan_twin(plan: Plan, draws: Callable[[str], None], x: Tensor) -> dict[str, Tensor]:
    parts = plan.parts
    decoder, critic = parts["decoder"], parts["discriminator"]
    dim = parts["prior"].event_shape[0]
    bernoulli = plan.recipe.instances["likelihood"].offer.component.name == "bernoulli"
    draws("fake")
    logits = decoder(torch.randn(ROWS, dim))
    fake = torch.sigmoid(logits) if bernoulli else logits
    real = critic(x).score
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(leaf).score.sum(), leaf, create_graph=True)
    gamma = gamma_of(plan)
    penalty = gamma / 2 * slope.flatten(1).square().sum(1).mean()
    tell = F.softplus(-real).mean() + F.softplus(critic(fake.detach()).score).mean()
    return {"critic": tell + every_of(plan) * penalty, "generator": F.softplus(-critic(fake).score).mean()}


def restoration_twin(
    plan: Plan, draws: Callable[[str], None], sharp: Tensor, scan: Tensor
) -> dict[str, Tensor]:
    parts = plan.parts
    clean, grainy, noise = parts["clean"], parts["grainy"], parts["noise"]
    draws("scanned")
    scanned = noise(scan)[0]
    restored = torch.sigmoid(parts["decoder"](parts["encoder"](scanned)))
    draws("regrained")
    regrained = noise(restored)[0]

    def hinge(real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    judges = hinge(clean(sharp).score, clean(restored.detach()).score)
    judges = judges + hinge(grainy(scanned).score, grainy(regrained.detach()).score)
    keep = (F.avg_pool2d(restored, 4) - F.avg_pool2d(scanned, 4)).abs().mean()
    looks = -clean(restored).score.mean() - grainy(regrained).score.mean()
    return {"critics": judges, "restorer": looks + 10 * keep}


def vae_gan_twin(
    plan: Plan, draws: Callable[[str], None], x: Tensor, *, mistaken: bool = False
) -> dict[str, Tensor]:
    """mistaken: as in a well-known library, where the critic's loss runs back through the decoder."""
    parts = plan.parts
    critic, dim = parts["discriminator"], parts["prior"].event_shape[0]

    def picture(z: Tensor) -> Tensor:
        return torch.sigmoid(parts["decoder"](z))

    features = parts["posterior"].linear(parts["encoder"](x))
    mean, log_std = features[:, :dim], features[:, dim:]
    draws("z")
    z = mean + log_std.exp() * torch.randn(ROWS, dim)
    logits = parts["decoder"](z)
    distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    rate = 0.5 * (mean.square() + (2 * log_std).exp() - 2 * log_std - 1).sum(1)
    bound = (distortion + rate).mean()
    draws("sampled")
    sampled, rebuilt = picture(torch.randn(ROWS, dim)), picture(z.detach())
    looks = F.softplus(-critic(sampled).score).mean() + F.softplus(-critic(rebuilt).score).mean()

    def cut(fake: Tensor) -> Tensor:
        return fake if mistaken else fake.detach()

    real = F.softplus(-critic(x).score).mean()
    tells = 2 * real + sum(F.softplus(critic(cut(fake)).score).mean() for fake in (sampled, rebuilt))
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(leaf).score.sum(), leaf, create_graph=True)
    penalty = gamma_of(plan) / 2 * slope.flatten(1).square().sum(1).mean()
    return {"model": 0.02 * bound + looks, "critic": tells + every_of(plan) * penalty}


def twin_losses(
    name: str, plan: Plan, draws: Callable[[str], None], batch: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    if name == "gan/restore-digits":
        return restoration_twin(plan, draws, batch["sharp.x"], batch["scan.x"])
    twin = vae_gan_twin if name == "hybrid/vae-gan" else gan_twin
    return twin(plan, draws, batch["x"])


@pytest.mark.parametrize("name", ["gan/digits", "gan/ring", "gan/restore-digits", "hybrid/vae-gan"])
def test_gradients_are_those_of_losses_written_by_hand(name: str) -> None:
    plan = plan_of(small(name))
    batch = batch_of(plan)
    watched = Watched(plan)
    every = {p.name: tuple(term.wire for term in p.minimises) for p in plan.recipe.players}
    watched.play(every, batch, step=3)

    draws = watched.stepper.draws
    for module in plan.parts.modules().values():
        module.requires_grad_(True)
    losses = twin_losses(name, plan, lambda wire: draws.seed_step(draws.base(wire), 3), batch)
    for side in watched.stepper.sides:
        wanted = torch.autograd.grad(losses[side.name], side.tensors, retain_graph=True)
        for (key, got), want in zip(watched.gradients[side.name].items(), wanted, strict=True):
            assert got is not None
            torch.testing.assert_close(got, want, rtol=2e-4, atol=1e-6, msg=lambda m, k=key: f"{k}: {m}")


def test_the_well_known_mistake_would_be_seen() -> None:
    plan = plan_of(small("hybrid/vae-gan"))
    draws = stepper_of(plan).draws
    batch = batch_of(plan)
    losses = vae_gan_twin(plan, lambda w: draws.seed_step(draws.base(w), 3), batch["x"], mistaken=True)
    decoder: nn.Module = plan.parts["decoder"]
    gradients = torch.autograd.grad(losses["critic"], list(decoder.parameters()))
    assert max(float(g.abs().max()) for g in gradients) > 1e-4, "the decoder would have learned to be told"
